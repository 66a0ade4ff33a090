/** A label map read for scoring: which labels each voxel belongs to. */
import { readLabelMap } from "../../../inference/mod.ts";

interface ReadLabel {
  readonly value: number;
  readonly sourceValues?: readonly number[];
}

/** The labels of a reference's voxels; a voxel may belong to several. */
export class Reference {
  /** For each voxel, the row of `#members`: values of the same labels share one. */
  readonly #kinds: Uint16Array;
  /** A column a label. */
  readonly #members: readonly Uint8Array[];

  constructor(data: ArrayLike<number>, labels: readonly ReadLabel[]) {
    const sets = labels.map(({ value, sourceValues = [value] }) => new Set(sourceValues));
    const kindOf = new Map<number, number>(), kindOfRow = new Map<string, number>(), members: Uint8Array[] = [];
    const kindOfValue = (value: number) => {
      const row = Uint8Array.from(sets, (set) => Number(set.has(value))), key = row.join("");
      const kind = kindOfRow.get(key) ?? members.push(row) - 1;
      kindOfRow.set(key, kind);
      kindOf.set(value, kind);
      return kind;
    };
    this.#kinds = new Uint16Array(data.length);
    let value = NaN, kind = 0; // runs of equal values need no look-up
    for (let v = 0; v < data.length; v++) {
      if (data[v] !== value) {
        value = data[v];
        kind = kindOf.get(value) ?? kindOfValue(value);
      }
      this.#kinds[v] = kind;
    }
    this.#members = members;
  }

  static async read(path: string, labels: readonly ReadLabel[]): Promise<Reference> {
    return new Reference((await readLabelMap(path)).data, labels);
  }

  /** 1 for each label that the voxel belongs to. */
  at(voxel: number): Uint8Array {
    return this.#members[this.#kinds[voxel]];
  }

  /** 0 and 1. */
  maskOf(label: number): Uint8Array {
    const column = Uint8Array.from(this.#members, (row) => row[label]), kinds = this.#kinds;
    const mask = new Uint8Array(kinds.length);
    for (let v = 0; v < mask.length; v++) mask[v] = column[kinds[v]];
    return mask;
  }
}
