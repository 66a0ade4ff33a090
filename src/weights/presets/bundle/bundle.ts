/** A MONAI bundle as a preset: from its `metadata.json` and `inference.json` to the settings that inference obeys. */
import type { Preset, PresetFiles } from "../preset.ts";
import { hasBackground, labelsOf, metadataIn, modalitiesOf } from "./metadata.ts";

/** @throws {SyntaxError | TypeError} a file is missing or damaged, or asks for work that is not done here */
export function bundlePreset(files: PresetFiles): Preset {
  const metadata = metadataIn(files), modalities = modalitiesOf(metadata);
  const { task, names, channels } = metadata;
  const shown = channels.length > 0
    ? `are called ${channels.join(", ")}`
    : `have no names (${metadata.inputs} of them)`;
  return {
    spec: {
      task,
      ...(task === "segmentation" ? { labels: labelsOf(metadata, { background: hasBackground(metadata) }) } : {}),
      ...(task === "classification" && names.length > 0 ? { classes: names } : {}),
      ...(modalities && { modalities }),
    },
    preprocessing: {},
    inference: {},
    notes: modalities ? [] : [`its input channels ${shown}: give modalities in their order`],
  };
}
