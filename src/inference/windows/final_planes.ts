/** Blended windows, added in the order of their first axis; planes that no later window reaches are handed out and left. */
import type { LogitPlanes, Triple } from "../../volume/mod.ts";
import { InferenceError } from "../types.ts";

/** The values that a network's output holds. */
export interface OutputValues {
  /** Number of output channels. */
  readonly channels: number;
  /**
   * True: values name labels and are not averaged; each voxel takes that of the window in which it has the greatest weight,
   * the first of equals. Default false.
   */
  readonly areNames?: boolean | undefined;
  /** Least and greatest value that the output may have; default any number. */
  readonly range?: readonly [number, number] | undefined;
}

export interface PlaneOptions extends OutputValues {
  readonly sizeVox: Triple;
  readonly roi: Triple;
  /** Weight of each voxel of a window. */
  readonly weights: Float32Array;
}

/** Keeps as many planes as a window is deep, and the last one that was handed out. */
export class FinalPlanes {
  readonly #options: PlaneOptions;
  readonly #onPlanes: (planes: LogitPlanes) => void;
  readonly #depth: number;
  readonly #sum: Float32Array;
  readonly #total: Float32Array;
  /** Plane of the volume that is the first one here. */
  #from = 0;
  /** Planes of the volume below this one have been handed out. */
  #final = 0;
  /** Planes of the volume from here on have no window yet. */
  #reached = 0;
  /** Of the values that were handed out, but for those where there is no window. */
  least = Infinity;
  greatest = -Infinity;

  constructor(options: PlaneOptions, onPlanes: (planes: LogitPlanes) => void) {
    const { sizeVox: [nx, ny, nz], roi, channels } = options;
    this.#options = options;
    this.#onPlanes = onPlanes;
    this.#depth = Math.min(nx, roi[0] + 1);
    this.#sum = new Float32Array(channels * this.#depth * ny * nz);
    this.#total = new Float32Array(this.#depth * ny * nz);
  }

  /** Adds a window's values [C, …roi]; those in the padding are dropped. No window may begin before an earlier one. */
  add(start: Triple, values: Float32Array): void {
    const { sizeVox: [nx, ny, nz], roi: [rx, ry, rz], channels, weights, areNames } = this.#options;
    const first = Math.max(start[0], 0);
    if (first > this.#final) this.#handOut(first);
    const from = Math.max(0, -start[2]), to = Math.min(rz, nz - start[2]), inWindow = rx * ry * rz;
    const inChannel = this.#depth * ny * nz;
    for (let x = Math.max(0, -start[0]); x < Math.min(rx, nx - start[0]); x++) {
      for (let y = Math.max(0, -start[1]); y < Math.min(ry, ny - start[1]); y++) {
        const row = (x * ry + y) * rz;
        const out = ((x + start[0] - this.#from) * ny + y + start[1]) * nz + start[2];
        if (areNames) {
          this.#take(values, { row, out, from, to });
          continue;
        }
        for (let z = from; z < to; z++) this.#total[out + z] += weights[row + z];
        for (let c = 0; c < channels; c++) {
          const own = c * inWindow + row, into = c * inChannel + out;
          for (let z = from; z < to; z++) this.#sum[into + z] += weights[row + z] * values[own + z];
        }
      }
    }
    this.#reached = Math.max(this.#reached, Math.min(start[0] + rx, nx));
  }

  /** Takes the voxels `from … to` of a window's row, which begins at `row`, where they weigh more than those at `out`. */
  #take(values: Float32Array, { row, out, from, to }: { row: number; out: number; from: number; to: number }): void {
    const { roi, channels, weights } = this.#options, inWindow = roi[0] * roi[1] * roi[2];
    const inChannel = this.#sum.length / channels;
    for (let z = from; z < to; z++) {
      if (weights[row + z] <= this.#total[out + z]) continue;
      this.#total[out + z] = weights[row + z];
      for (let c = 0; c < channels; c++) this.#sum[c * inChannel + out + z] = values[c * inWindow + row + z];
    }
  }

  /** Hands out what is left. */
  end(): void {
    if (this.#reached > this.#final) this.#handOut(this.#options.sizeVox[0], true);
  }

  /** Hands out the planes below `next`, which no further window reaches, and makes room for the windows from there on. */
  #handOut(next: number, isEnd = next > this.#reached): void {
    const { channels, sizeVox: [, ny, nz] } = this.#options;
    const plane = ny * nz, until = Math.min(next, this.#reached);
    if (until > this.#final) {
      this.#average(this.#final - this.#from, until - this.#from);
      this.#onPlanes({
        logits: this.#sum,
        from: this.#from,
        count: until - this.#from,
        depth: this.#depth,
        isEnd,
      });
    }
    // After a gap nothing adjoins, and no plane is kept.
    const kept = isEnd ? next : next - 1, moved = kept - this.#from;
    const move = (array: Float32Array, base: number) => {
      const end = base + this.#depth * plane;
      array.copyWithin(base, Math.min(base + moved * plane, end), end);
      array.fill(0, Math.max(base, end - moved * plane), end);
    };
    for (let c = 0; c < channels; c++) move(this.#sum, c * this.#depth * plane);
    move(this.#total, 0);
    this.#from = kept;
    this.#final = next;
  }

  /** Sums become averages, −Infinity where there is no window; planes by their place here. */
  #average(from: number, to: number): void {
    const { channels, sizeVox: [, ny, nz], areNames } = this.#options, inChannel = this.#depth * ny * nz;
    const sum = this.#sum, total = this.#total, first = from * ny * nz, end = to * ny * nz;
    if (areNames) { for (let v = first; v < end; v++) if (total[v] > 0) total[v] = 1; }
    let { least, greatest } = this, wrong = false;
    for (let own = 0; own < channels * inChannel; own += inChannel) {
      for (let v = first; v < end; v++) {
        const weight = total[v];
        if (!(weight > 0)) {
          sum[own + v] = -Infinity;
          continue;
        }
        const value = sum[own + v] /= weight;
        if (value < least) least = value;
        if (value > greatest) greatest = value;
        if (value !== value) wrong = true;
      }
    }
    this.least = least;
    this.greatest = greatest;
    if (wrong || greatest === Infinity) this.#refuseUnusable(first, end);
    const [low, high] = this.#options.range ?? [-Infinity, Infinity];
    if (least < low || greatest > high) {
      throw new InferenceError(
        "invalid-output",
        `Cannot use the network's output: expected values from ${Math.round(low)} to ${Math.round(high)}, got ` +
          `${least} to ${greatest}; state in the manifest the activation that the network lacks`,
      );
    }
  }

  /** Voxels by their place here. */
  #refuseUnusable(first: number, end: number): never {
    const { channels } = this.#options, inChannel = this.#sum.length / channels;
    let unusable = 0;
    for (let c = 0; c < channels; c++) {
      for (let v = first; v < end; v++) if (!(this.#sum[c * inChannel + v] < Infinity)) unusable++;
    }
    throw new InferenceError(
      "invalid-output",
      `Cannot use the network's output: ${unusable} of ${
        (end - first) * channels
      } values are not a number or infinite; ` +
        "check that the volumes are normalised as the network expects, or use another provider",
    );
  }
}
