/** How the graph of an imported network is read from its package's file. */
import type { Spec } from "./family.ts";

/** Options of `importModel()`; absent ones mean that the file is read unchanged. */
export interface Reading {
  /** `channels-last`: the file's images and features are [N, X, Y, Z, C]. */
  readonly layout?: "channels-last";
  /** The only values that are put out. */
  readonly outputs?: readonly string[];
}

/**
 * The reading that a network's configuration states: `layout`, and `output`, the graph's value that inference uses.
 * `part: "whole"` leaves every value in place, for networks that build on others than the output.
 */
export function readingOf({ config: { layout, output } }: Spec, part: "output" | "whole"): Reading {
  return {
    ...layout === "channels-last" && { layout },
    ...typeof output === "string" && part === "output" && { outputs: [output] },
  };
}
