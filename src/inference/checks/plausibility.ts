/** The checks of one case's images while they are read for inference or training. */
import type { Volume } from "../../volume/mod.ts";
import { InferenceError, type Warning } from "../types.ts";
import { caseDoubts } from "./case_checks.ts";
import { factsOf, type Tissue, type VolumeFacts } from "./facts.ts";
import { volumeDoubts, volumeRefusal } from "./volume_checks.ts";

/** Takes the facts of each image, and reports on them together. */
export class Plausibility {
  readonly #facts: Record<string, VolumeFacts> = {};

  /** @throws {InferenceError} `invalid-volume`: nothing sensible can follow from this image */
  readonly look = (name: string, volume: Volume, foreground: Tissue): void => {
    const facts = factsOf(volume, foreground);
    const refusal = volumeRefusal(name, facts);
    if (refusal) throw new InferenceError("invalid-volume", `Cannot use ${refusal.detail}`);
    this.#facts[name] = facts;
  };

  warnings(): Warning[] {
    return [
      ...Object.entries(this.#facts).flatMap(([name, facts]) => volumeDoubts(name, facts)),
      ...caseDoubts(this.#facts),
    ];
  }
}
