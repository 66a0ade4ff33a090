/** The fields that say how the network is run and its output read: each fills a setting of the package's inference. */
import { ACTIVATIONS, CLASSIFICATION_ACTIVATIONS, SEGMENTATION_ACTIVATIONS } from "../../inference/mod.ts";
import { specSchema } from "../../registry/mod.ts";
import { BLENDINGS, PLACINGS } from "../../volume/mod.ts";
import { partsOf } from "./field.ts";
import { POSTPROCESSING_HELP, readPostprocessing } from "./postprocessing.ts";
import { numberOf, setting, type SettingField, triple } from "./setting.ts";

const { shape } = specSchema.shape.inference;
const oneOf = (words: readonly string[]) => `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
const numbers = (text: string) => partsOf(text).map(numberOf);

/** Edge of the official segmentation windows (docs/method B.3 row 22), voxels. */
export const DEFAULT_EDGE = 96;

export const INFERENCE_FIELDS = {
  roi: setting("roi", shape.roi, {
    value: "N|X,Y,Z",
    expected: "an edge from 1 to 1024 voxels, or three",
    help: "Window that the network is written for, voxels along the network's axes. Default: the size that the graph " +
      `fixes, else ${DEFAULT_EDGE}`,
    read: triple,
  }),
  overlap: setting("overlap", shape.overlap, {
    value: "SHARE|X,Y,Z",
    expected: "a share from 0 to below 1, or three",
    help: "Share of a window that its neighbour covers, or one for each axis. Default 0.5",
    read: (text) => text.includes(",") ? triple(text) : numberOf(text),
  }),
  placing: setting("placing", shape.placing.unwrap(), {
    value: PLACINGS.join("|"),
    expected: oneOf(PLACINGS),
    help: "Steps between windows: scan is MONAI's, even nnU-Net's. Default scan",
  }),
  blending: setting("blending", shape.blending, {
    value: BLENDINGS.join("|"),
    expected: oneOf(BLENDINGS),
    help: "Weights of a window's voxels where windows overlap. Default constant",
  }),
  mirrored: setting("mirrored", shape.mirrored.unwrap(), {
    value: "0,1,2|none",
    expected: "axes of 0, 1 and 2, or none",
    help:
      "Axes of the network along which windows are mirrored too; the mean of all is taken, as in nnU-Net. Default none",
    read: (text) => text === "none" ? [] : numbers(text),
  }),
  activation: setting("activation", shape.activation.unwrap(), {
    value: "NAME",
    expected: oneOf(ACTIVATIONS),
    help: `How outputs are read. Segmentation: ${oneOf(SEGMENTATION_ACTIVATIONS)}; classification: ` +
      `${oneOf(CLASSIFICATION_ACTIVATIONS)}. Default: what the end of the graph and the number of channels show`,
  }),
  threshold: setting("threshold", shape.threshold, {
    value: "P",
    expected: "a probability between 0 and 1",
    help: "Least probability of a label that may overlap others. Default 0.5",
    read: numberOf,
  }),
  paintOrder: setting("paintOrder", shape.paintOrder.unwrap(), {
    value: "LIST",
    expected: "each label's value once, with commas between",
    help:
      "Label values in the order in which regions that overlap are painted, later over earlier. Default: the order " +
      "of --labels",
    read: numbers,
  }),
  postprocessing: setting("postprocessing", shape.postprocessing.unwrap(), {
    value: "STEPS",
    expected: POSTPROCESSING_HELP,
    help: `Changes of the finished mask, in this order: ${POSTPROCESSING_HELP}. Default none`,
    read: readPostprocessing,
  }),
  unit: setting("unit", shape.unit.unwrap(), {
    value: "TEXT",
    expected: "a unit, or one for each class with commas between",
    help: "Unit of the values of a regression, or one for each",
    read: (text) => text.includes(",") ? partsOf(text) : text.trim(),
  }),
} satisfies Readonly<Record<string, SettingField>>;
