/** The values of an imported graph on which heads may be built, and those that its stages end with. */
import type { Graph } from "../../../graph/mod.ts";
import { type FeatureForm, FeatureForms, type FeatureLayout, type Size3, stridesTo } from "./forms.ts";
import { receptiveWindows } from "./reach.ts";

/** A value of a graph on which a fine-tune may build. */
export interface FeatureMap {
  readonly name: string;
  readonly channels: number;
  /** Voxels of the image per voxel of the map, along each axis. */
  readonly strides: Size3;
  readonly layout: FeatureLayout;
  /** The map's size in voxels. */
  readonly grid: Size3;
  /** Voxels of the image that convolutions and pooling bring to one voxel; absent where attention mixes all. */
  readonly receptiveWindow?: Size3;
  /** True for the ends of the encoder's stages: the choice of those who name none. */
  readonly stage: boolean;
}

/**
 * Candidates in the graph's order: the last value of each size and number of channels, and the last value of each stage on
 * the way to the smallest map. None for a graph without one input [N, C, X, Y, Z].
 */
export function featureMaps(graph: Graph): FeatureMap[] {
  if (graph.inputs.length !== 1 || graph.types.get(graph.inputs[0])!.shape.length !== 5) return [];
  const forms = new FeatureForms(graph);
  const found = new Map<string, FeatureForm>();
  for (const node of graph.nodes) {
    const { op, output } = node;
    const form = MOVES.has(op) ? null : forms.certain(output);
    if (form !== null && op === "Concat" && node.attrs.axis !== CHANNELS_AT[form.layout]) continue;
    if (form !== null && graph.types.get(output)!.dtype === "float32") found.set(output, form);
  }
  const last = new Map([...found].map(([name, { channels, grid }]) => [`${grid} ${channels}`, name]));
  const stages = stageEnds(graph, found);
  const chosen = new Set([...last.values(), ...stages]);
  const windows = receptiveWindows(graph);
  return [...found].flatMap(([name, { layout, channels, grid }]) => {
    const strides = stridesTo(grid, forms.image), receptiveWindow = windows.get(name);
    if (!chosen.has(name) || strides === null) return [];
    return [{
      name,
      channels,
      strides,
      layout,
      grid,
      ...(receptiveWindow && { receptiveWindow }),
      // a map of the image's own size is left to the decoder's stem, which needs less memory
      stage: stages.has(name) && (stages.size === 1 || strides.some((s) => s > 1)),
    }];
  });
}

/** The axis of the channels; a Concat along another one puts parts of one map together, as a cyclic shift does. */
const CHANNELS_AT: Readonly<Record<FeatureLayout, number>> = { map: 1, "channels-last": 4, tokens: 2 };

/** Operators that only move elements: the value before them is the candidate, or a part that is none. */
const MOVES: ReadonlySet<string> = new Set([
  "Expand",
  "Gather",
  "Identity",
  "Pad",
  "Reshape",
  "Slice",
  "Tile",
  "Transpose",
]);

const voxels = ({ grid: [x, y, z] }: FeatureForm) => x * y * z;

/** A stage rather ends with the sum, the normalisation or the activation before or after these. */
const UNFINISHED: ReadonlySet<string> = new Set(["Concat", "Conv", "ConvTranspose", "Gemm", "MatMul"]);

/** The last value of every size among those from which the last one of the smallest maps is computed. */
function stageEnds(graph: Graph, forms: ReadonlyMap<string, FeatureForm>): ReadonlySet<string> {
  const finished = new Set(graph.nodes.flatMap(({ op, output }) => (UNFINISHED.has(op) ? [] : [output])));
  const lastOf = (names: readonly string[]) => names.findLast((name) => finished.has(name)) ?? names.at(-1);
  const smallest = Math.min(...[...forms.values()].map(voxels));
  const deepest = lastOf([...forms].flatMap(([name, form]) => (voxels(form) === smallest ? [name] : [])));
  if (deepest === undefined) return new Set();
  const bySize = new Map<string, string[]>();
  const needed = ancestors(graph, deepest);
  for (const [name, { grid }] of forms) {
    if (needed.has(name)) bySize.set(`${grid}`, [...bySize.get(`${grid}`) ?? [], name]);
  }
  return new Set([...bySize.values()].map((names) => lastOf(names)!));
}

/** A value and all from which it is computed. */
function ancestors(graph: Graph, name: string): ReadonlySet<string> {
  const needed = new Set([name]);
  for (const { output, inputs } of graph.nodes.toReversed()) {
    if (needed.has(output)) inputs.forEach((input) => needed.add(input));
  }
  return needed;
}
