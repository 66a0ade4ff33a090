/** nnU-Net v2's plans as a preset: from its files to the settings that inference obeys. */
import type { Preset, PresetFiles, PresetOptions } from "../preset.ts";
import { channelsOf, labelsOf, modalitiesOf } from "./labels.ts";
import { configurationOf, datasetIn, plansIn } from "./plans.ts";

/** The configuration that nnU-Net recommends for most data. */
const DEFAULT_CONFIGURATION = "3d_fullres";

/** @throws {SyntaxError | TypeError} a file is missing or damaged, or asks for work that is not done here */
export function nnunetPreset(files: PresetFiles, { configuration = DEFAULT_CONFIGURATION }: PresetOptions): Preset {
  const plans = plansIn(files), dataset = datasetIn(files);
  const { patch_size, spacing } = configurationOf(plans, configuration);
  const channels = channelsOf(dataset), modalities = modalitiesOf(channels);
  const { labels, notes } = labelsOf(dataset);
  return {
    spec: { task: "segmentation", labels, ...(modalities && { modalities }) },
    preprocessing: { spacingMm: spacing },
    inference: { roi: patch_size, overlap: 0.5, blending: "gaussian", threshold: 0.5 },
    notes: [
      ...notes,
      ...modalities ? [] : [`its channels are called ${channels.join(", ")}: give modalities in that order`],
    ],
  };
}
