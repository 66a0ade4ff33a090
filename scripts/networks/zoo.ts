/** The folder that `exports/main.py` writes: networks, their exports, and what PyTorch computes for them in float64. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Tensor, tensor } from "../../src/tensor/mod.ts";

/** A gradient of a weight: its norm, its product with `wave(…, 0.5)`, and elements floor(k·n / samples.length). */
export interface GradientSummary {
  readonly shape: readonly number[];
  readonly norm: number;
  readonly dot: number;
  readonly samples: readonly number[];
  /** The weight's own first, middle and last value. */
  readonly weight?: readonly [number, number, number];
}

export interface ZooNetwork {
  readonly name: string;
  readonly note: string;
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly (readonly number[])[];
  /** Of Σ output · wave(…, 0.25), by the weights' names in PyTorch. */
  readonly gradients: Readonly<Record<string, GradientSummary>>;
  /** Trained weights, counted once each, and their elements. */
  readonly trained: number;
  readonly parameters: number;
  readonly exports: Readonly<Record<string, { call: string; seconds?: number; failed?: string }>>;
}

/** Element i is sin(i / 10 + phase) + 0.3 sin(1.7 i), rounded to float32; the same as in `exports/reference.py`. */
export function wave(length: number, phase: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(0.1 * i + phase) + 0.3 * Math.sin(1.7 * i));
}

export async function readZoo(folder: string): Promise<ZooNetwork[]> {
  const networks: ZooNetwork[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const text = await readFile(join(folder, name, "network.json"), "utf8").catch(() => null);
    if (text !== null) networks.push(JSON.parse(text));
  }
  return networks;
}

/** Input `k` of a network, as PyTorch saw it. */
export function inputOf({ inputs }: ZooNetwork, k: number): Tensor {
  const shape = inputs[k];
  return tensor("float32", shape, wave(shape.reduce((n, d) => n * d, 1), k));
}

/** Output `k` by PyTorch in float64. */
export async function expectedOutput(folder: string, network: ZooNetwork, k: number): Promise<Float64Array> {
  const bytes = await readFile(join(folder, network.name, `output${k}.f64`));
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** The files of an export: its graph, and the files beside it by name. */
export async function exportedFiles(folder: string, network: string, exporter: string) {
  const directory = join(folder, network);
  const model = new Uint8Array(await readFile(join(directory, `${exporter}.onnx`)));
  const beside = new Map<string, Uint8Array>();
  for (const name of await readdir(directory)) {
    if (name.startsWith(`${exporter}.onnx.`)) beside.set(name, new Uint8Array(await readFile(join(directory, name))));
  }
  return { model, beside };
}
