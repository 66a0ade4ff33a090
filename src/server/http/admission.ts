/** How many requests may be under way that read files of strangers: in all, and of one identity. */
import type { Identity } from "../../identity/mod.ts";
import type { Limits } from "../settings.ts";
import { Problem } from "./problems.ts";

export type AdmissionLimits = Pick<Limits, "reads" | "readsPerIdentity">;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #open = new Map<string, number>();

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Requests under way. */
  get open(): number {
    return [...this.#open.values()].reduce((sum, n) => sum + n, 0);
  }

  /**
   * Takes a place until it is disposed of. Without logins everybody is one identity, which may take every place.
   * @throws {Problem} `busy`: all places are taken, or all of this identity
   */
  enter({ id, via }: Pick<Identity, "id" | "via">): Disposable {
    const { reads, readsPerIdentity } = this.#limits;
    const own = this.#open.get(id) ?? 0;
    if (this.open >= reads) throw busy(`${reads} others are`);
    if (via !== "none" && own >= readsPerIdentity) throw busy(`${readsPerIdentity} of yours are`);
    this.#open.set(id, own + 1);
    return {
      [Symbol.dispose]: () => {
        const left = this.#open.get(id)! - 1;
        if (left > 0) this.#open.set(id, left);
        else this.#open.delete(id);
      },
    };
  }
}

function busy(who: string): Problem {
  return new Problem("busy", `Cannot take the request now: ${who} under way already`);
}
