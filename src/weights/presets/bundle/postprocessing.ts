/** The transforms behind a bundle's network: how its output is read, and what becomes of the mask. */
import type { Label, Postprocessing } from "../../../inference/mod.ts";
import { refuse } from "../preset.ts";
import type { Step } from "./step.ts";

export interface After {
  /** Labels exclude each other (argmax), or each has a threshold; null: the file does not say. */
  readonly reads: "classes" | "regions" | null;
  /** The activation that the transforms apply; null: none. */
  readonly activation: "softmax" | "sigmoid" | null;
  readonly threshold: number;
  /** True: probabilities and not logits are brought back to the file's grid. */
  readonly probabilities: boolean;
  /** True: the mask is made on the network's grid, or the file does not bring it back. */
  readonly onNetworkGrid: boolean;
  /** The steps on the mask, once its labels are known. */
  readonly steps: (labels: readonly Label[], first: number) => readonly Postprocessing[];
  readonly notes: readonly string[];
}

const HARMLESS = new Set([
  ...[
    "EnsureType",
    "ToTensor",
    "CastToType",
    "ToDevice",
    "Identity",
    "DeleteItems",
    "SelectItems",
    "CopyItems",
    "ToNumpy",
  ],
  ...["SaveImage", "SaveClassification", "DataStats", "SqueezeDim", "Decollate", "EnsureChannelFirst"],
]);

/** Words that name the network's answer among the keys of a transform. */
const ANSWER = /pred|output|logits|seg|label|mask|image/i;

type Made = (labels: readonly Label[], first: number) => Postprocessing;

/** Labels by the output channels that `applied_labels` counts. */
const named = (step: Step, labels: readonly Label[], first: number) => {
  const applied = step.numbers("applied_labels");
  if (applied === undefined) return {};
  return {
    labels: applied.map((channel) =>
      labels[channel - first]?.name ?? step.refuse(`expected applied_labels among the network's labels, got ${channel}`)
    ),
  };
};

interface Answer {
  activation: After["activation"];
  reads: After["reads"];
  threshold: number;
  /** The answer was brought back to the file's grid. */
  inverted: boolean;
  probabilities: boolean;
  /** The mask was made before that. */
  early: boolean;
}

const ANSWER_STEPS: Readonly<Record<string, (step: Step, so: Answer) => void>> = {
  Activations(step, so) {
    if (so.reads !== null || so.activation !== null) step.refuse("expected it once, before AsDiscrete");
    if (step.raw("other") !== undefined) step.refuse("expected sigmoid or softmax, got another function");
    so.activation = step.boolean("softmax") ? "softmax" : step.boolean("sigmoid") ? "sigmoid" : null;
    so.probabilities = so.activation !== null && !so.inverted;
  },
  Invert(_, so) {
    so.inverted = true;
  },
  AsDiscrete(step, so) {
    so.early ||= !so.inverted;
    if (step.boolean("argmax")) so.reads = "classes";
    else if (step.raw("threshold") !== undefined) {
      so.reads = "regions";
      so.threshold = step.number("threshold")!;
    } else if (so.reads === null) step.refuse("expected argmax or threshold");
  },
};

/** Notes how parts of a mask are connected in the bundle, where it is not by faces, edges and corners. */
function noteConnectivity(step: Step, notes: string[], standard: number): void {
  const connectivity = step.number("connectivity") ?? standard;
  if (connectivity === 3) return;
  notes.push(`${step.name}: parts are connected by faces, edges and corners, not by connectivity ${connectivity}`);
}

const MASK_STEPS: Readonly<Record<string, (step: Step, notes: string[]) => Made>> = {
  KeepLargestConnectedComponent(step, notes) {
    step.only("num_components", 1);
    noteConnectivity(step, notes, 3);
    const together = step.boolean("independent") === false;
    return (labels, first) => ({
      kind: "largest-component",
      ...named(step, labels, first),
      ...(together && { together }),
    });
  },
  FillHoles(step, notes) {
    noteConnectivity(step, notes, 3);
    return (labels, first) => ({ kind: "fill-holes", ...named(step, labels, first) });
  },
  RemoveSmallObjects(step, notes) {
    noteConnectivity(step, notes, 1);
    const size = step.number("min_size") ?? 64, isVolume = step.boolean("by_measure") === true;
    const together = step.boolean("independent_channels") === false;
    return () => ({
      kind: "smallest-size",
      ...(isVolume ? { ml: size / 1000 } : { voxels: size }),
      ...(together && { together }),
    });
  },
};

/** @throws {TypeError} a transform changes the answer in a way that is not done here */
export function postprocessingOf(steps: readonly Step[]): After {
  const state: Answer = {
    activation: null,
    reads: null,
    threshold: 0.5,
    inverted: false,
    probabilities: false,
    early: false,
  };
  const made: Made[] = [], notes: string[] = [];
  for (const step of steps) {
    if (HARMLESS.has(step.name) || (step.keys.length > 0 && !step.keys.some((key) => ANSWER.test(key)))) continue;
    if (Object.hasOwn(ANSWER_STEPS, step.name)) ANSWER_STEPS[step.name](step, state);
    else if (Object.hasOwn(MASK_STEPS, step.name)) made.push(MASK_STEPS[step.name](step, notes));
    else {
      step.refuse(
        "expected a transform that is done here: give its settings by flags or a spec.json, without the bundle's files",
      );
    }
  }
  const { activation, threshold, probabilities, early } = state;
  const reads = state.reads ?? (activation === null ? null : activation === "softmax" ? "classes" : "regions");
  if (reads === "regions" && activation === "softmax") {
    refuse("inference.json: expected argmax behind softmax, got a threshold");
  }
  return {
    reads,
    activation,
    threshold,
    probabilities,
    onNetworkGrid: early,
    steps: (labels, first) => made.map((make) => make(labels, first)),
    notes: [...new Set(notes)],
  };
}
