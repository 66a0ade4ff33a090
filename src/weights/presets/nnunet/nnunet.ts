/** nnU-Net v2's plans as a preset: from its files to the settings that inference obeys. */
import { jsonIn, type Preset, type PresetFiles, type PresetOptions } from "../preset.ts";
import { channelsOf, labelsOf, modalitiesOf } from "./labels.ts";
import { networkOf } from "./network.ts";
import { configurationOf, datasetIn, plansIn } from "./plans.ts";
import { postprocessingOf, preprocessingOf } from "./preprocessing.ts";

/** The configuration that nnU-Net recommends for most data. */
const DEFAULT_CONFIGURATION = "3d_fullres";

const NOT_MIRRORED =
  "windows are not mirrored: the axes along which nnU-Net mirrors them stand in its checkpoint, which was " +
  "not given (nnUNetTrainer: 0, 1 and 2)";

/** @throws {SyntaxError | TypeError} a file is missing or damaged, or asks for work that is not done here */
export function nnunetPreset(
  files: PresetFiles,
  { configuration = DEFAULT_CONFIGURATION, mirrored }: PresetOptions,
): Preset {
  const plans = plansIn(files), dataset = datasetIn(files);
  const settings = configurationOf(plans, configuration);
  const channels = channelsOf(dataset), modalities = modalitiesOf(channels);
  const { labels, activation, notes } = labelsOf(dataset);
  const postprocessing = files.has("postprocessing.json")
    ? postprocessingOf(jsonIn(files, "postprocessing.json") as object, labels)
    : null;
  const outputs = labels.length + (activation === "softmax" ? 1 : 0);
  return {
    spec: { task: "segmentation", labels, ...(modalities && { modalities }) },
    network: networkOf(settings, { inputs: channels.length, outputs }),
    preprocessing: preprocessingOf(plans, settings, channels.length),
    inference: {
      roi: settings.patch_size,
      overlap: 0.5,
      placing: "even",
      blending: "gaussian-nnunet",
      threshold: 0.5,
      activation,
      ...(mirrored && mirrored.length > 0 && { mirrored }),
      ...(postprocessing && { postprocessing }),
    },
    notes: [
      ...notes,
      ...modalities ? [] : [`its channels are called ${channels.join(", ")}: give modalities in that order`],
      ...mirrored ? [] : [NOT_MIRRORED],
      ...postprocessing ? ["its postprocessing.json is obeyed, which nnUNetv2_predict alone does not do"] : [],
    ],
  };
}
