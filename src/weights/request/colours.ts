/** Colours of labels that nobody gave one. */
import type { Label } from "../../inference/mod.ts";
import { LABEL_COLOURS } from "../../registry/mod.ts";

/** The labels, those without a colour in the palette's. */
export const coloured = (labels: readonly (Omit<Label, "colour"> & { readonly colour?: string })[]): Label[] =>
  labels.map((label, i) => ({ colour: LABEL_COLOURS[i % LABEL_COLOURS.length], ...label }));
