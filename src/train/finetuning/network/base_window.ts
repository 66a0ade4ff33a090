/** The windows that the network of a base takes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeModel, type Graph, importModel } from "../../../graph/mod.ts";
import { familyOf, netOf, readingOf } from "../../../nets/mod.ts";
import type { Triple } from "../../../volume/mod.ts";
import type { BaseWindow } from "../../recipe/finetuning.ts";
import type { NetworkRequest } from "../types.ts";

/**
 * The window of a base that others trained; undefined: the base is of a network here, which any crop of a preset fits.
 * @throws as `importModel()`
 */
export async function windowOf({ directory, spec }: NetworkRequest["base"]): Promise<BaseWindow | undefined> {
  const { architecture, modalities, inference: { roi: size } } = spec;
  const { graph: source, finetuning } = familyOf(architecture.kind);
  if (source === "function") {
    const [, , x, y, z] = netOf(architecture).example;
    return finetuning.isForeign ? { size, multiple: [x, y, z] } : undefined;
  }
  const bytes = await readFile(join(directory, "network.onnx"));
  const [{ dims }] = decodeModel(bytes).inputs;
  if (dims.every((d, axis) => axis === 0 || typeof d === "number")) return { size, multiple: null };
  const reading = readingOf(architecture, "whole");
  const importAt = (size: Triple) => importModel(bytes, { inputShape: [1, modalities.length, ...size], ...reading });
  const multiple = stridesIn(importAt(size));
  const [x, y, z] = size.map((d, k) => d % multiple[k] === 0 && d > multiple[k] ? d - multiple[k] : d);
  try {
    importAt([x, y, z]); // a graph with a table of positions has open sizes and takes one
    return { size, multiple };
  } catch {
    return { size, multiple: null };
  }
}

/** The largest strides at which a graph computes, along each axis. */
function stridesIn({ inputs: [image], types }: Graph): Triple {
  const [, , ...size] = types.get(image)!.shape;
  const grids = [...types.values()].flatMap(({ shape: [, , ...grid] }) =>
    grid.length === 3 && grid.every((d, k) => d > 1 && size[k] % d === 0) ? [grid] : []
  );
  const [x, y, z] = size.map((d, k) => Math.max(1, ...grids.map((grid) => d / grid[k])));
  return [x, y, z];
}
