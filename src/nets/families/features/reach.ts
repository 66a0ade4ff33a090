/** Receptive windows: the voxels of the image that convolutions and pooling bring to one voxel of a map. */
import type { Graph, Node } from "../../../graph/mod.ts";
import { sizeOf } from "../../../tensor/mod.ts";
import type { Size3 } from "./forms.ts";

interface Reach {
  readonly window: Size3;
  /** Voxels of the image between two of the map. */
  readonly step: Size3;
}

const each = (f: (k: number) => number): Size3 => [f(0), f(1), f(2)];

/** Operators after which a window is not known: they mix voxels of the whole map, or take a part of it. */
const LOSES: ReadonlySet<string> = new Set([
  "Gather",
  "Gemm",
  "GlobalAveragePool",
  "GlobalMaxPool",
  "Pad",
  "ReduceMax",
  "ReduceMean",
  "ReduceMin",
  "ReduceSum",
  "Slice",
  "Softmax",
]);

/**
 * The windows of all values that the image reaches through convolutions, pooling and elementwise operators alone, uncut by
 * the image's edge. Averages of normalisations over the whole map do not count.
 */
export function receptiveWindows(graph: Graph): Map<string, Size3> {
  const reaches = new Map<string, Reach>([[graph.inputs[0], { window: [1, 1, 1], step: [1, 1, 1] }]]);
  for (const node of graph.nodes) {
    const reach = LOSES.has(node.op) ? null : reachOf(node, graph, reaches);
    if (reach !== null) reaches.set(node.output, reach);
  }
  return new Map([...reaches].map(([name, { window }]) => [name, window]));
}

function reachOf(node: Node, graph: Graph, reaches: ReadonlyMap<string, Reach>): Reach | null {
  const { op, inputs, output } = node;
  const shapeOf = (name: string) => graph.types.get(name)?.shape ?? [];
  const x = reaches.get(inputs[0]), shape = shapeOf(output);
  if (op === "Conv" || op === "AveragePool" || op === "MaxPool") {
    const { kernel_shape, dilations, strides } = node.attrs;
    return x === undefined || shape.length !== 5 ? null : {
      window: each((k) => x.window[k] + (kernel_shape[k] - 1) * dilations[k] * x.step[k]),
      step: each((k) => x.step[k] * strides[k]),
    };
  }
  if (op === "ConvTranspose" || op === "Resize") {
    // an output voxel takes one input voxel for each stride that its kernel covers; linear interpolation takes two
    const taps = op === "Resize"
      ? [2, 2, 2]
      : node.attrs.kernel_shape.map((d, k) => Math.ceil(d / node.attrs.strides[k]));
    return x === undefined || shape.length !== 5 ? null : {
      window: each((k) => x.window[k] + (taps[k] - 1) * x.step[k]),
      step: each((k) => x.step[k] * shapeOf(inputs[0])[k + 2] / shape[k + 2]),
    };
  }
  if (op === "MatMul" && !graph.constants.has(inputs[1])) return null;
  // elsewhere voxels stay apart; what is broadcast over the map, as a factor for each channel, does not widen it
  const computed = inputs.filter((name) => name !== "" && !graph.constants.has(name));
  const largest = Math.max(...computed.map((name) => sizeOf(shapeOf(name))));
  const maps = op === "Concat" ? computed : computed.filter((name) => sizeOf(shapeOf(name)) === largest);
  const known = maps.flatMap((name) => reaches.get(name) ?? []);
  if (known.length === 0 || known.length < maps.length) return null;
  return { step: known[0].step, window: each((k) => Math.max(...known.map(({ window }) => window[k]))) };
}
