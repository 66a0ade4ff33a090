/** Variants: named recipes over a preset, with settings of their own, and the peers. */
import { readRecipe, type Recipe, recipeSchema } from "../../../src/train/mod.ts";

export const PEERS = ["resunet", "dynunet", "densenet"] as const;
export type Peer = (typeof PEERS)[number];

/** The parts of a pre-training that is made for the experiment: weights of its losses. */
export interface Parts {
  readonly cmr: number;
  readonly md: number;
  readonly contrast: number;
}

/** `package`: the pre-trained base. `fresh`: the same network with random weights. Parts: a pre-training of its own. */
export type Start = "package" | "fresh" | Parts;

/** A recipe of ours, or a network of others. */
export type Variant =
  | { readonly kind: "peer"; readonly name: string; readonly peer: Peer }
  | {
    readonly kind: "ours";
    readonly name: string;
    readonly start: Start;
    readonly settings: Readonly<Record<string, unknown>>;
  };

export type Ours = Extract<Variant, { kind: "ours" }>;

const whole = { validation: "none" } as const;

/** What a name stands for; all but `auto` spend the whole budget on the network that is scored. */
const NAMED: Readonly<Record<string, Pick<Ours, "start" | "settings">>> = {
  auto: { start: "package", settings: { preset: "auto" } },
  edge: { start: "package", settings: { preset: "edge", ...whole } },
  scratch: { start: "fresh", settings: { preset: "edge", templates: false, ...whole } },
  pretrained: { start: "package", settings: { preset: "edge", templates: false, ...whole } },
  // the paper's Table 4; without distillation no template is learnt
  cmr: { start: { cmr: 1, md: 0, contrast: 0 }, settings: { preset: "edge", templates: false, ...whole } },
  "cmr+md": { start: { cmr: 1, md: 1, contrast: 0 }, settings: { preset: "edge", templates: true, ...whole } },
  "cmr+md+mcl": { start: { cmr: 1, md: 1, contrast: 0.1 }, settings: { preset: "edge", templates: true, ...whole } },
  "pretrained+templates": { start: "package", settings: { preset: "edge", templates: true, ...whole } },
};

export const VARIANT_NAMES: readonly string[] = [...Object.keys(NAMED), ...PEERS.map((p) => `peer-${p}`)];

/**
 * The variant of a word: a name, then `+setting=value` for settings of the recipe, values as JSON or plain words:
 * `pretrained+templates+learningRate=1e-3`.
 * @throws {SyntaxError} a name that is none
 * @throws {TrainingError} a setting that the recipe does not have, or a value that it refuses
 */
export function variantOf(word: string): Variant {
  const parts = word.split("+"), name = parts.filter((p) => !p.includes("=")).join("+");
  const peer = PEERS.find((p) => `peer-${p}` === name);
  const changes = parts.filter((p) => p.includes("="));
  if (peer !== undefined && changes.length === 0) return { kind: "peer", name: word, peer };
  const found = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  if (found === undefined) throw new SyntaxError(`expected a variant of ${VARIANT_NAMES.join(", ")}, got ${word}`);
  const settings = { ...found.settings, ...Object.fromEntries(changes.map(settingOf)) };
  readRecipe(recipeSchema, settings, "fine-tune");
  return { kind: "ours", name: word, start: found.start, settings };
}

function settingOf(part: string): [string, unknown] {
  const at = part.indexOf("="), value = part.slice(at + 1);
  try {
    return [part.slice(0, at), JSON.parse(value)];
  } catch {
    return [part.slice(0, at), value];
  }
}

/** True: the preset itself plans within a time budget, validation included. */
export const plansItself = ({ settings }: Ours) => settings.preset === "auto" && settings.steps === undefined;

/** The variant's recipe with a seed and the settings that a budget becomes. */
export function recipeOf({ settings }: Ours, changes: Readonly<Record<string, unknown>>): Recipe {
  return readRecipe(recipeSchema, { ...settings, ...changes }, "fine-tune");
}
