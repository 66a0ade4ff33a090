/** The channels and the labels of nnU-Net's `dataset.json`. */
import { type Label, type Modality, modalityFromName } from "../../../inference/mod.ts";
import { LABEL_COLOURS } from "../../../registry/mod.ts";
import { type Preset, refuse } from "../preset.ts";
import type { Dataset } from "./plans.ts";

/** The names of the input channels in order. */
export function channelsOf({ channel_names, modality }: Dataset): string[] {
  const names = channel_names ?? modality ?? refuse("dataset.json: expected channel_names");
  const found = Object.keys(names).map(Number).sort((a, b) => a - b);
  if (found.length === 0 || found.some((channel, i) => channel !== i)) {
    refuse(`dataset.json: expected channel_names by 0, 1, …, got ${Object.keys(names).join(", ") || "none"}`);
  }
  return found.map((channel) => names[channel]);
}

/** The modalities that channels are named after, or undefined where a name is no modality or stands twice. */
export function modalitiesOf(channels: readonly string[]): Modality[] | undefined {
  const found = channels.map(modalityFromName);
  const isWhole = found.every((m) => m !== null) && new Set(found).size === found.length;
  return isWhole ? found as Modality[] : undefined;
}

/**
 * The labels in the order of the network's channels. Plain labels exclude each other, and channel 0 is the background;
 * regions have a logit each and are painted one over the other in their order (`regions_class_order`).
 */
export function labelsOf({ labels, regions_class_order }: Dataset): {
  readonly labels: readonly Label[];
  readonly activation: "softmax" | "sigmoid";
  readonly notes: Preset["notes"];
} {
  const isBackground = (value: number | readonly number[]) => [value].flat().every((v) => v === 0);
  const background = labels.background ?? refuse('dataset.json: expected labels to have "background"');
  if (!isBackground(background)) refuse(`dataset.json: expected label "background" to be 0, got ${background}`);
  const entries = Object.entries(labels).filter(([name, value]) => name !== "ignore" && !isBackground(value));
  if (entries.length === 0) refuse("dataset.json: expected labels beside the background, got none");
  const colour = (i: number) => LABEL_COLOURS[i % LABEL_COLOURS.length];
  const notes = labels.ignore === undefined ? [] : ["the label ignore marks voxels of training alone: it is left out"];
  if (!entries.some(([, value]) => Array.isArray(value) && value.length > 1)) {
    const sorted = entries.map(([name, value]) => ({ name, value: [value].flat()[0] }))
      .sort((a, b) => a.value - b.value);
    if (sorted.some(({ value }, i) => value !== i + 1)) {
      refuse(`dataset.json: expected labels with values 0, 1, 2, …, got ${sorted.map((l) => l.value).join(", ")}`);
    }
    return { labels: sorted.map((label, i) => ({ ...label, colour: colour(i) })), activation: "softmax", notes };
  }
  const order = regions_class_order ?? refuse("dataset.json: expected regions_class_order, as its labels are regions");
  if (order.length !== entries.length) {
    refuse(`dataset.json: expected ${entries.length} values in regions_class_order, got ${order.length}`);
  }
  return {
    labels: entries.map(([name, values], i) => ({
      name,
      value: order[i],
      sourceValues: [values].flat(),
      colour: colour(i),
    })),
    activation: "sigmoid",
    notes,
  };
}
