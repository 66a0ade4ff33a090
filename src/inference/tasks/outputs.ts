/** The outputs of a segmentation: one record each, from a voxel's logits to the voxels of the written file. */
import type { VisitLogits } from "../../volume/mod.ts";
import type { ModelSpec } from "../spec.ts";
import type { Output } from "../types.ts";
import { cutOf, sigmoid } from "../activation/functions.ts";

/** The voxels of a file, filled voxel by voxel; 0 where none is visited. */
interface Filling {
  readonly data: Uint8Array | Uint16Array | Float32Array;
  readonly visit: VisitLogits;
}

interface OutputRecord {
  /** True: the file has a volume per label; false: one for all. */
  readonly perLabel: boolean;
  readonly begin: (spec: Pick<ModelSpec, "labels" | "inference">, voxels: number) => Filling;
}

export const OUTPUT_RECORDS: Readonly<Record<Output, OutputRecord>> = {
  labels: {
    perLabel: false,
    begin({ labels, inference: { threshold } }, voxels) {
      const values = labels.map((l) => l.value), cut = cutOf(threshold);
      const data = Math.max(...values) > 255 ? new Uint16Array(voxels) : new Uint8Array(voxels);
      return {
        data,
        visit(voxel, logits) {
          for (let c = 0; c < values.length; c++) if (logits[c] >= cut) data[voxel] = values[c];
        },
      };
    },
  },
  regions: {
    perLabel: true,
    begin({ labels, inference: { threshold } }, voxels) {
      const data = new Uint8Array(labels.length * voxels), cut = cutOf(threshold);
      return {
        data,
        visit(voxel, logits) {
          for (let c = 0; c < labels.length; c++) if (logits[c] >= cut) data[c * voxels + voxel] = 1;
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
        visit(voxel, logits) {
          for (let c = 0; c < labels.length; c++) data[c * voxels + voxel] = sigmoid(logits[c]);
        },
      };
    },
  },
};
