/**
 * How a graph's answer is read: from the operator that it ends with, the number of its channels and the statements of the
 * user. An activation that the graph contains is never applied again.
 */
import { type Activation, CLASSIFICATION_RECORDS, SEGMENTATION_RECORDS } from "../../inference/mod.ts";
import { refuse } from "../refuse.ts";

/** The operator that an answer ends with, as `describeModel()` finds it. */
export type Final = "sigmoid" | "softmax" | "argmax" | "none";

export interface Answer {
  readonly final: Final;
  /** Channels of a segmentation, outputs of a classification. */
  readonly channels: number;
  /** Labels without the background; classes. */
  readonly outputs: number;
  /** The user's choice. */
  readonly stated: Activation | undefined;
}

export interface Reading {
  readonly activation: Activation;
  /** The reason, in words for the report. */
  readonly note: string;
}

const NAMES: Readonly<Record<Final, string>> = {
  sigmoid: "a Sigmoid",
  softmax: "a Softmax",
  argmax: "an ArgMax",
  none: "no activation",
};

/** Activations that would be applied a second time, or to label values, after such an end; and those that fit. */
const AGAINST: Readonly<Record<Final, { readonly wrong: readonly Activation[]; readonly right: string }>> = {
  sigmoid: {
    wrong: ["sigmoid", "softmax", "logit", "label-map"],
    right: "probabilities, or class-probabilities where channels exclude each other",
  },
  softmax: {
    wrong: ["sigmoid", "softmax", "logit", "label-map"],
    right: "class-probabilities (segmentation) or probabilities",
  },
  argmax: { wrong: ["sigmoid", "softmax", "logit", "probabilities", "class-probabilities"], right: "label-map" },
  none: { wrong: [], right: "" },
};

function refuseTwice({ final, stated }: Answer): void {
  if (stated === undefined || !AGAINST[final].wrong.includes(stated)) return;
  refuse(
    `expected activation ${AGAINST[final].right}, got ${stated}: its graph ends in ${
      NAMES[final]
    }, so that ${stated} ` +
      "would change what is decided already",
  );
}

/** @throws {TypeError} the labels do not fit the channels, or the activation contradicts the graph's end */
export function segmentationReading(answer: Answer, { background = false }: { background?: boolean }): Reading {
  const { final, channels, outputs, stated } = answer;
  refuseTwice(answer);
  if (stated !== undefined) {
    checkChannels(stated, answer);
    return { activation: stated, note: `activation ${stated}, as stated${final === "none" ? unlikely(stated) : ""}` };
  }
  const because = `its graph ends in ${NAMES[final]}`;
  if (final === "argmax") {
    checkChannels("label-map", answer);
    return { activation: "label-map", note: `activation label-map: ${because}, so that it puts out label values` };
  }
  const exclusive = background || channels === outputs + 1;
  if (!exclusive && channels !== outputs) {
    refuse(
      `expected ${outputs} channels, one per label, or ${
        outputs + 1
      } with the background first, got ${channels}: name ` +
        "a label for each channel behind the background",
    );
  }
  if (final === "softmax" && !exclusive) {
    refuse(
      `its graph ends in a Softmax over ${channels} channels, of which one is the background as a rule: name the ` +
        `${channels - 1} labels behind it (background=0 may stand before them), or state activation probabilities`,
    );
  }
  const activation = {
    sigmoid: exclusive ? "class-probabilities" as const : "probabilities" as const,
    softmax: "class-probabilities" as const,
    none: exclusive ? "softmax" as const : "sigmoid" as const,
  }[final];
  checkChannels(activation, answer);
  const shape = exclusive
    ? `${channels} channels are the background and ${outputs} labels that exclude each other`
    : `${channels} channels are ${outputs} labels that may overlap`;
  return { activation, note: `activation ${activation}: ${because}, and its ${shape}` };
}

/** A stated activation that a graph without one can hardly have. */
function unlikely(stated: Activation): string {
  const isIn = stated === "probabilities" || stated === "class-probabilities" || stated === "label-map";
  return isIn ? ", although its graph ends in no Sigmoid, Softmax or ArgMax that was recognised" : "";
}

function checkChannels(activation: Activation, { channels, outputs }: Answer): void {
  if (!isOf(SEGMENTATION_RECORDS, activation)) {
    return refuse(`expected an activation of segmentations (${namesOf(SEGMENTATION_RECORDS)}), got ${activation}`);
  }
  const { channels: channelsFor, channelsAre } = SEGMENTATION_RECORDS[activation], expected = channelsFor(outputs);
  if (channels !== expected) {
    refuse(
      `expected ${expected} channels for ${outputs} labels and activation ${activation} (${channelsAre}), got ${channels}`,
    );
  }
}

/** @throws {TypeError} the classes do not fit the outputs, or the activation contradicts the graph's end */
export function classificationReading(answer: Answer): Reading {
  const { final, channels, outputs, stated } = answer;
  if (final === "argmax") {
    refuse("its graph ends in an ArgMax, so that it puts out the number of a class alone: export it without");
  }
  refuseTwice(answer);
  const activation = stated ?? likelyActivation(answer);
  if (!isOf(CLASSIFICATION_RECORDS, activation)) {
    return refuse(`expected an activation of classifications (${namesOf(CLASSIFICATION_RECORDS)}), got ${activation}`);
  }
  const { outputs: outputsFor, classes } = CLASSIFICATION_RECORDS[activation], expected = outputsFor(outputs);
  if (!expected.includes(channels) || outputs < classes.least || outputs > classes.most) {
    refuse(
      `expected ${expected.join(" or ")} outputs for ${outputs} classes and activation ${activation}, got ${channels}`,
    );
  }
  if (stated !== undefined) return { activation, note: `activation ${stated}, as stated` };
  return {
    activation,
    note: `activation ${activation}: its graph ends in ${
      NAMES[final]
    }, and has ${channels} outputs for ${outputs} classes`,
  };
}

function likelyActivation({ final, channels, outputs }: Answer): Activation {
  if (final !== "none") return "probabilities";
  if (channels !== 1) return "softmax";
  if (outputs === 2) return "logit";
  return refuse(
    `expected 2 classes for its one output, or activation values (a regression) or sigmoid, got ${outputs} ` +
      `${outputs === 1 ? "class" : "classes"} and no activation`,
  );
}

/** True where the activation is one of the record's. */
function isOf<K extends Activation>(records: Readonly<Record<K, unknown>>, activation: Activation): activation is K {
  return Object.hasOwn(records, activation);
}

const namesOf = (records: Readonly<Record<string, unknown>>) => Object.keys(records).join(", ");
