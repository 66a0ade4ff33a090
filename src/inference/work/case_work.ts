/** What it would take to bring a case to a network's grid, run it through the network, and bring the answer back. */
import {
  boxSize,
  type Grid,
  latticeBox,
  latticeOf,
  slidingWindows,
  type Triple,
  union,
  voxelsOf,
} from "../../volume/mod.ts";
import type { Output } from "../types.ts";
import type { InferenceSettings, ModelSpec } from "../spec.ts";
import { DEFAULT_BUDGET, inBytes, type WorkBudget } from "../budget.ts";
import { sizeExcess } from "./volume_work.ts";

export interface CaseWork {
  readonly spec: Pick<ModelSpec, "preprocessing"> & Partial<Pick<ModelSpec, "task" | "inference" | "labels">>;
  /** The grid of each file by modality, that of the model's first modality first. */
  readonly grids: readonly Grid[];
  /** The grid that a mask is written on; absent: no mask is. */
  readonly target?: { readonly grid: Grid; readonly output: Output } | undefined;
  /** Of the network's file. Default 0. */
  readonly networkBytes?: number | undefined;
}

export interface PredictedWork {
  /** Of a segmentation; 1 otherwise. */
  readonly windows: number;
  readonly memoryBytes: number;
}

/** Bytes that a voxel of a file takes while it is read: its value, its foreground, and a copy of it on the way. */
const READING = 9;
/** Bytes that a voxel of a channel takes on the network's grid: its value and its tissue. */
const CHANNEL = 5;
/** The network's weights in the graph, in the encoded file and in the device's session. */
const NETWORK_COPIES = 3;

const OUTPUT_BYTES: Readonly<Record<Output, (labels: number) => number>> = {
  labels: () => 2,
  regions: (labels) => labels,
  probabilities: (labels) => 4 * labels,
  uncertainty: () => 4,
};

/** The size of the network's grid, before it is cropped to tissue: that shows only when voxels are read. */
export function fieldOf({ spec: { preprocessing }, grids }: CaseWork): Triple {
  const { lattice } = latticeOf(grids[0], preprocessing);
  return boxSize(
    grids.map((grid) => latticeBox(lattice, grid, { start: [0, 0, 0], end: grid.sizeVox })).reduce(union),
  );
}

/** Predicts windows and memory of a case whose field is `sizeVox`. */
export function predictWork({ spec, grids, target, networkBytes = 0 }: CaseWork, sizeVox: Triple): PredictedWork {
  const { preprocessing, task, inference, labels = [] } = spec;
  const files = grids.map(({ sizeVox }) => voxelsOf(sizeVox));
  // a crop before the resampling needs all files at once
  const held = preprocessing.order?.[0] === "crop" ? files.reduce((sum, n) => sum + CHANNEL * n, 0) : 0;
  const output = target === undefined
    ? 0
    : voxelsOf(target.grid.sizeVox) * OUTPUT_BYTES[target.output](Math.max(labels.length, 1));
  return {
    windows: task === "segmentation" && inference !== undefined ? windowsOf(sizeVox, inference) : 1,
    memoryBytes: READING * Math.max(...files) + held + CHANNEL * grids.length * voxelsOf(sizeVox) + output +
      NETWORK_COPIES * networkBytes,
  };
}

/** Windows of every axis multiply, so that none is listed. */
function windowsOf(sizeVox: Triple, { roi, mirrored = [], ...plan }: InferenceSettings): number {
  const [x, y, z] = roi;
  const along = [[sizeVox[0], y, z], [x, sizeVox[1], z], [x, y, sizeVox[2]]] as const;
  return along.reduce((product, size) => product * slidingWindows(size, roi, plan).length, 2 ** mirrored.length);
}

/** Why a case would be too much, with the figures; null: it would not. */
export function caseExcess(work: CaseWork, budget: WorkBudget = DEFAULT_BUDGET): string | null {
  const { spacingMm } = work.spec.preprocessing, field = fieldOf(work);
  const at = spacingMm === null ? "" : ` at ${spacingMm.map((mm) => Number(mm.toPrecision(3))).join("×")} mm`;
  const size = sizeExcess(field, budget);
  if (size !== null) return `the network's grid${at} would have ${size}. Check the voxel size in the headers`;
  const { windows, memoryBytes } = predictWork(work, field);
  if (windows > budget.windows) {
    return `the network's grid${at} would have ${
      field.join("×")
    } voxels, which are ${windows} windows, expected at most ` +
      `${budget.windows}`;
  }
  if (memoryBytes <= budget.memoryBytes) return null;
  return `it would take about ${inBytes(memoryBytes)} of memory for ${work.grids.length} volumes on a grid of ${
    field.join("×")
  } voxels, expected at most ${inBytes(budget.memoryBytes)}`;
}
