/**
 * Reduced precision, compared before it is used. Windows run in float32, too, and are answered from there, until enough
 * voxels of masks agree; a network whose masks differ stays in float32. Knows nothing of the device's numbers.
 */
import type { Engine, Session } from "../../engine/mod.ts";
import { encodeModel, type Graph, lower, type Lowering } from "../../graph/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { segmentationRecord } from "../activation/segmentation.ts";
import type { ModelSpec } from "../spec.ts";
import type { Warning } from "../types.ts";

/** Least Dice of masks at reduced precision with those of float32. */
export const LEAST_AGREEMENT = 0.995;
/** Voxels of masks in float32 by which a network is judged, of all labels and of each label that counts by itself. */
export const ENOUGH_VOXELS = 1000;

type Verdict = "open" | "agrees" | "differs";

/** Compares the masks of a network in two precisions, window after window, until it knows. */
export class PrecisionCheck {
  readonly #spec: Pick<ModelSpec, "labels" | "inference">;
  /** Of each label: its voxels in both masks together, and those in both at once. */
  readonly #voxels: Float64Array;
  readonly #common: Float64Array;
  readonly #exact: Float64Array;
  #verdict: Verdict = "open";

  constructor(spec: Pick<ModelSpec, "labels" | "inference">) {
    this.#spec = spec;
    const labels = spec.labels.length;
    [this.#voxels, this.#common, this.#exact] = [0, 1, 2].map(() => new Float64Array(labels));
  }

  get verdict(): Verdict {
    return this.#verdict;
  }

  /** The least Dice among all labels together and each that has enough voxels. */
  get dice(): number {
    const of = (voxels: number, common: number) => voxels === 0 ? 1 : 2 * common / voxels;
    const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
    const each = Array.from(
      this.#voxels,
      (voxels, c) => this.#exact[c] < ENOUGH_VOXELS ? 1 : of(voxels, this.#common[c]),
    );
    return Math.min(of(sum(this.#voxels), sum(this.#common)), ...each);
  }

  /** Takes a window's answers [B, K, …roi] in both precisions; returns what is known by then. */
  compare(exact: Tensor, reduced: Tensor): Verdict {
    const reader = segmentationRecord(this.#spec.inference).reader(this.#spec);
    const [batch, channels, ...roi] = exact.shape, size = roi.reduce((n, d) => n * d, 1);
    const values = new Float32Array(channels), labels = this.#spec.labels.length;
    const found = new Uint8Array(labels), isExact = new Uint8Array(labels);
    const read = ({ data }: Tensor, at: number) => {
      for (let c = 0; c < channels; c++) values[c] = Number(data[at + c * size]);
      return reader.labelsOf(values, found);
    };
    for (let b = 0; b < batch; b++) {
      for (let v = 0; v < size; v++) {
        const at = b * channels * size + v, count = read(exact, at);
        for (let i = 0; i < count; i++) {
          isExact[found[i]] = 1;
          this.#exact[found[i]]++;
          this.#voxels[found[i]]++;
        }
        for (let i = read(reduced, at) - 1; i >= 0; i--) {
          this.#voxels[found[i]]++;
          this.#common[found[i]] += isExact[found[i]];
        }
        isExact.fill(0);
      }
    }
    if (this.#exact.reduce((a, b) => a + b, 0) < ENOUGH_VOXELS) return this.#verdict;
    this.#verdict = this.dice >= LEAST_AGREEMENT ? "agrees" : "differs";
    return this.#verdict;
  }

  /** The warning that float32 answered instead; none while that is open or not so. */
  warnings(): Warning[] {
    if (this.#verdict !== "differs") return [];
    const figure = (Math.floor(1000 * this.dice) / 1000).toFixed(3);
    const detail =
      `at reduced precision its masks agree with those of float32 by a Dice of ${figure}, expected at least ` +
      `${LEAST_AGREEMENT}; float32 was used`;
    return [{ code: "precision-refused", detail }];
  }
}

/** A session that answers at the engine's precision once `check` agrees, and in float32 before. */
export async function checkedSession(
  engine: Engine,
  graph: Graph,
  { exact: lowering, check }: { readonly exact: Lowering; readonly check: PrecisionCheck },
): Promise<Session> {
  const load = (form: Lowering) => engine.load(encodeModel(lower(graph, form).graph), { keepMemory: true });
  const exact = await load(lowering);
  // judged before on this engine: the other form is not needed
  if (check.verdict === "differs") return exact;
  const reduced = await load(engine.lowering);
  let spare: Session | null = exact;
  const [answer] = graph.outputs;
  return {
    inputs: exact.inputs,
    outputs: exact.outputs,
    async run(feeds, options) {
      if (spare === null || check.verdict === "agrees") return await reduced.run(feeds, options);
      const answers = await spare.run(feeds, options);
      if (check.verdict === "differs" || !(answer in answers)) return answers;
      const others = await reduced.run(feeds, options);
      if (check.compare(answers[answer], others[answer]) === "agrees") {
        spare = null;
        await exact.release();
      }
      return answers;
    },
    async release() {
      if (spare !== null) await exact.release();
      await reduced.release();
    },
  };
}
