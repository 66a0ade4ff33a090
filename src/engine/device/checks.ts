/**
 * Checks a run's feeds and options against a session's types, so that a mistake gives a sentence and no native error.
 */
import { sizeOf, type Tensor, type TensorType } from "../../tensor/mod.ts";
import type { Resident, RunOptions } from "../engine.ts";

/** "float32 [1, 4, 96, 96, 96]"; an open dimension is "?". */
export function show({ dtype, shape }: TensorType): string {
  return `${dtype} [${shape.map((d) => d < 0 ? "?" : d).join(", ")}]`;
}

/**
 * Separates fed tensors from fed residents.
 * @throws {TypeError} an unknown or missing input, or a wrong type, shape or number of elements
 */
export function checkFeeds(
  inputs: Readonly<Record<string, TensorType>>,
  feeds: Readonly<Record<string, Tensor | Resident>>,
  residentType: (name: string) => TensorType,
): { tensors: Record<string, Tensor>; residents: Record<string, string> } {
  const tensors: Record<string, Tensor> = {};
  const residents: Record<string, string> = {};
  for (const [name, fed] of Object.entries(feeds)) {
    if (!Object.hasOwn(inputs, name)) throw new TypeError(`Cannot feed "${name}": ${expected(inputs)}`);
    const type = "resident" in fed ? residentType(fed.resident) : fed;
    if (!fits(type, inputs[name])) {
      throw new TypeError(`Cannot feed "${name}": expected ${show(inputs[name])}, got ${show(type)}`);
    }
    if ("resident" in fed) residents[name] = fed.resident;
    else tensors[name] = checkElements(name, fed);
  }
  const missing = Object.keys(inputs).filter((name) => !Object.hasOwn(feeds, name));
  if (missing.length > 0) {
    throw new TypeError(`Cannot run the graph: ${expected(inputs)}, got none for "${missing.join('", "')}"`);
  }
  return { tensors, residents };
}

/** @throws {TypeError} when the data does not fill the shape */
export function checkElements(name: string, t: Tensor): Tensor {
  if (t.data.length !== sizeOf(t.shape)) {
    throw new TypeError(
      `Cannot feed "${name}": expected ${sizeOf(t.shape)} elements for ${show(t)}, got ${t.data.length}`,
    );
  }
  return t;
}

/**
 * Decides which outputs a run keeps and which it returns.
 * @throws {TypeError} an unknown output, or one resident for two outputs
 */
export function planOutputs(
  outputs: Readonly<Record<string, TensorType>>,
  { keep = {}, fetch }: RunOptions,
): { keep: Readonly<Record<string, string>>; fetch: readonly string[] } {
  for (const name of [...Object.keys(keep), ...fetch ?? []]) {
    if (!Object.hasOwn(outputs, name)) throw new TypeError(`Cannot take output "${name}": ${expected(outputs)}`);
  }
  const names = Object.values(keep);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TypeError(`Cannot keep two outputs as the one resident "${twice}"`);
  return { keep, fetch: fetch ?? Object.keys(outputs).filter((name) => !Object.hasOwn(keep, name)) };
}

function fits(type: TensorType, wanted: TensorType): boolean {
  return type.dtype === wanted.dtype && type.shape.length === wanted.shape.length &&
    wanted.shape.every((d, i) => d < 0 || d === type.shape[i]);
}

function expected(types: Readonly<Record<string, TensorType>>): string {
  const names = Object.keys(types);
  return names.length === 0 ? "expected none" : `expected "${names.join('", "')}"`;
}
