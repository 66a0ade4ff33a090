/** The outputs of a segmentation: one record each, from a voxel's labels or probabilities to the voxels of the file. */
import { segmentationRecord } from "../activation/segmentation.ts";
import { uncertaintyOf } from "../quality/uncertainty.ts";
import type { ModelSpec } from "../spec.ts";
import { InferenceError, type Output } from "../types.ts";

/** The voxels of a file, filled voxel by voxel; 0 where none is visited. */
interface Filling {
  readonly data: Uint8Array | Uint16Array | Float32Array;
  /** Takes a voxel's labels: the first `count` of `found`, as indexes of the spec's labels, ascending. */
  readonly mark?: (voxel: number, found: Uint8Array, count: number) => void;
  /** Takes a voxel's probabilities, one a label: the answer's, and their mean over all passes of the network. */
  readonly weigh?: (voxel: number, probabilities: Float32Array, mean: Float32Array) => void;
}

interface OutputRecord {
  /** True: the file has a volume per label; false: one for all. */
  readonly perLabel: boolean;
  readonly begin: (spec: Pick<ModelSpec, "labels" | "inference">, voxels: number) => Filling;
}

export const OUTPUT_RECORDS: Readonly<Record<Output, OutputRecord>> = {
  labels: {
    perLabel: false,
    begin({ labels, inference: { paintOrder } }, voxels) {
      const values = labels.map((l) => l.value);
      const rank = values.map((value, i) => paintOrder?.indexOf(value) ?? i);
      const data = Math.max(...values) > 255 ? new Uint16Array(voxels) : new Uint8Array(voxels);
      return {
        data,
        mark(voxel, found, count) {
          if (count === 0) return;
          let top = found[0];
          for (let i = 1; i < count; i++) if (rank[found[i]] > rank[top]) top = found[i];
          data[voxel] = values[top];
        },
      };
    },
  },
  regions: {
    perLabel: true,
    begin({ labels }, voxels) {
      const data = new Uint8Array(labels.length * voxels);
      return {
        data,
        mark(voxel, found, count) {
          for (let i = 0; i < count; i++) data[found[i] * voxels + voxel] = 1;
        },
      };
    },
  },
  uncertainty: {
    perLabel: false,
    begin({ inference }, voxels) {
      const data = new Float32Array(voxels), { exclusive } = segmentationRecord(inference);
      return {
        data,
        weigh(voxel, _, mean) {
          data[voxel] = uncertaintyOf(mean, { exclusive });
        },
      };
    },
  },
  probabilities: {
    perLabel: true,
    begin({ labels }, voxels) {
      const data = new Float32Array(labels.length * voxels);
      return {
        data,
        weigh(voxel, probabilities) {
          for (let c = 0; c < probabilities.length; c++) data[c * voxels + voxel] = probabilities[c];
        },
      };
    },
  },
};

/** @throws {InferenceError} `invalid-output`: the network's answer holds no such thing */
export function checkOutput(output: Output, { inference }: Pick<ModelSpec, "inference">): void {
  if (output !== "uncertainty" || !segmentationRecord(inference).areNames) return;
  throw new InferenceError(
    "invalid-output",
    "Cannot write the uncertainty: expected a network that gives probabilities, got one that answers with label values " +
      "(activation label-map); ask for labels, or import the network without its ArgMax",
  );
}
