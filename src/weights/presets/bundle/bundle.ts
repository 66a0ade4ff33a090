/** A MONAI bundle as a preset: from its `metadata.json` and `inference.json` to the settings that inference obeys. */
import type { Label } from "../../../inference/mod.ts";
import { jsonIn, type Preset, type PresetFiles, refuse } from "../preset.ts";
import { windowsOf } from "./inferer.ts";
import { hasBackground, labelsOf, type Metadata, metadataIn, modalitiesOf } from "./metadata.ts";
import { type After, postprocessingOf } from "./postprocessing.ts";
import { preprocessingOf } from "./preprocessing.ts";
import { References } from "./references.ts";
import { Step, stepsOf } from "./step.ts";

/** A bundle's configuration builds its network with MONAI's code. */
const NETWORK = {
  refused: "the network of a MONAI bundle is not built here: export it (python -m monai.bundle onnx_export --net_id " +
    "network_def --filepath models/model.onnx --ckpt_file models/model.pt --meta_file configs/metadata.json " +
    "--config_file configs/inference.json) and import models/model.onnx",
};

/** The parts of `inference.json`, by the ids that bundles give them. */
const IDS = {
  before: ["preprocessing", "preprocessing_transforms", "pre_transforms"],
  inferer: ["inferer", "evaluator::inferer"],
  after: ["postprocessing", "postprocessing_transforms", "post_transforms", "evaluator::postprocessing"],
} as const;

/** @throws {SyntaxError | TypeError} a file is missing or damaged, or asks for work that is not done here */
export function bundlePreset(files: PresetFiles): Preset {
  const metadata = metadataIn(files);
  if (!files.has("inference.json")) {
    const labels = hasBackground(metadata) ? { first: 1, activation: "softmax" } as const : { first: 0 } as const;
    return {
      spec: specOf(metadata, labelsOf(metadata, labels)),
      network: NETWORK,
      preprocessing: {},
      inference: metadata.task === "segmentation" && "activation" in labels ? { activation: labels.activation } : {},
      notes: [
        ...notesOn(metadata, []),
        "no inference.json stands beside metadata.json (YAML is not read): pre-processing and windows are not the bundle's",
      ],
    };
  }
  const references = new References(jsonIn(files, "inference.json"));
  const find = (ids: readonly string[]) => ids.map((id) => references.get(id)).find((value) => value !== undefined);
  const inferer = find(IDS.inferer);
  const windows = inferer === undefined || inferer === null ? null : windowsOf(new Step(inferer));
  const steps = stepsOf(find(IDS.before));
  if (steps.length === 0) refuse(`inference.json: expected its transforms under ${IDS.before[0]}, got none`);
  const before = preprocessingOf(steps, { channels: metadata.inputs, window: windows?.settings.roi ?? null });
  const after = postprocessingOf(stepsOf(find(IDS.after)));
  const roi = windows?.settings.roi ?? before.centre ?? before.preprocessing.resize;
  const answer = metadata.task === "segmentation" ? segmentation(metadata, after) : classification(after);
  if (metadata.task === "segmentation" && before.preprocessing.resize) {
    refuse(
      "inference.json: Resize: expected no change of size before a segmentation: give spacing and windows by flags or a " +
        "spec.json, without the bundle's files",
    );
  }
  return {
    spec: specOf(metadata, answer.labels, before.images),
    network: NETWORK,
    preprocessing: before.preprocessing,
    inference: { ...windows?.settings, ...(roi && { roi }), ...answer.inference },
    notes: [
      ...notesOn(metadata, before.images),
      ...before.notes,
      ...windows?.notes ?? [],
      ...answer.notes,
      ...after.onNetworkGrid && before.preprocessing.spacingMm !== null
        ? ["its mask is made on the network's grid; here it is made on the file's, from the same answer"]
        : [],
    ],
  };
}

function specOf(metadata: Metadata, labels: readonly Label[], images: readonly string[] = []): Preset["spec"] {
  const { task, names } = metadata, modalities = modalitiesOf(metadata, images);
  return {
    task,
    ...(task === "segmentation" ? { labels } : names.length > 0 ? { classes: names } : {}),
    ...(modalities && { modalities }),
  };
}

function notesOn(metadata: Metadata, images: readonly string[]): string[] {
  if (modalitiesOf(metadata, images)) return [];
  const { channels, inputs } = metadata;
  const shown = channels.length > 0 ? `are called ${channels.join(", ")}` : `have no names (${inputs} of them)`;
  return [`its input channels ${shown}: give modalities in their order`];
}

interface AnswerParts {
  readonly labels: readonly Label[];
  readonly inference: Preset["inference"];
  readonly notes: readonly string[];
}

/** Labels, activation and steps on the mask. @throws {TypeError} the files do not say how the output is read */
function segmentation(metadata: Metadata, after: After): AnswerParts {
  const background = hasBackground(metadata);
  const reads = after.reads ??
    (background || metadata.outputs > 1 && metadata.names.length === 0 ? "classes" : "regions");
  if (reads === "classes" && metadata.outputs < 2) {
    refuse("metadata.json: expected two output channels or more, as inference.json takes the largest (argmax)");
  }
  if (reads === "regions" && background) {
    refuse("inference.json: expected argmax, as the first output channel is the background, got a threshold for each");
  }
  const first = reads === "classes" ? 1 : 0;
  const labels = labelsOf(metadata, { first });
  const postprocessing = after.steps(labels, first), paintOrder = reads === "regions" ? nestedOrder(labels) : undefined;
  return {
    labels,
    inference: {
      activation: reads === "classes"
        ? "softmax"
        : after.activation === null && after.reads
        ? "probabilities"
        : "sigmoid",
      threshold: after.threshold,
      ...(after.probabilities && { restored: "probabilities" }),
      ...(paintOrder && { paintOrder }),
      ...(postprocessing.length > 0 && { postprocessing }),
    },
    notes: [
      ...after.notes,
      ...after.reads === null ? [`its files do not say how the output is read: ${READS[reads]} is assumed`] : [],
      ...paintOrder ? ["regions that lie in each other are painted from the outer to the inner one"] : [],
    ],
  };
}

const READS = { classes: "a background and labels that exclude each other", regions: "a logit for each label" };

function classification({ activation, notes }: After): AnswerParts {
  return { labels: [], inference: activation === null ? {} : { activation }, notes };
}

/** Tumour regions from the outer to the inner one; null where the names are others. */
const NESTED = [/whole|^wt$/i, /core|^tc$/i, /enhanc|^et$/i];

function nestedOrder(labels: readonly Label[]): number[] | undefined {
  const depths = labels.map(({ name }) => NESTED.findIndex((words) => words.test(name.trim())));
  if (labels.length < 2 || depths.includes(-1) || new Set(depths).size < depths.length) return undefined;
  return labels.toSorted((a, b) => depths[labels.indexOf(a)] - depths[labels.indexOf(b)]).map((label) => label.value);
}
