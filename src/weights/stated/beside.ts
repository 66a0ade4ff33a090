/**
 * The statements about a network beside it: a framework's own descriptions in further files or in the settings of a
 * checkpoint, and over them a `spec.json`.
 */
import { parseForeignJson } from "../../storage/mod.ts";
import { z } from "zod";
import { type Preset, presetKindOf, presetOf, type PresetOptions } from "../presets/mod.ts";
import { NOTHING_STATED, SPEC_FILE, stacked, type Stated, statedIn } from "./stated.ts";

/** nnU-Net's checkpoints hold the arguments of their trainer, and the axes of mirrored windows. */
const settingsSchema = z.looseObject({
  plans: z.unknown(),
  dataset_json: z.unknown(),
  configuration: z.string().optional(),
});
/** null: the trainer mirrors nothing. */
const axesSchema = z.array(z.literal([0, 1, 2])).nullable();

/** @throws {SyntaxError | TypeError | RangeError} a description is damaged, or asks for work that is not done here */
export function statedBeside(
  texts: ReadonlyMap<string, string>,
  { metadata, configuration }: {
    readonly metadata: Readonly<Record<string, string>>;
    /** nnU-Net: over that of the checkpoint. */
    readonly configuration?: string | undefined;
  },
): Stated {
  const inside = settingsOf(metadata);
  const all = new Map([...inside.texts, ...texts]);
  const kind = presetKindOf(all.keys()), spec = all.get(SPEC_FILE);
  const options = { ...inside.options, ...configuration !== undefined && { configuration } };
  const preset = kind === null ? NOTHING_STATED : statedByPreset(presetOf(kind, all, options));
  return spec === undefined ? preset : stacked(preset, statedIn(spec));
}

function statedByPreset({ spec, network, ...others }: Preset): Stated {
  if (network === undefined) return { spec, ...others };
  if ("refused" in network) return { spec, unbuilt: network.refused, ...others };
  return { spec: { ...spec, architecture: network.built }, ...others };
}

/** The descriptions that a checkpoint of nnU-Net holds itself. */
function settingsOf(
  { init_args: args, inference_allowed_mirroring_axes: axes }: Readonly<Record<string, string>>,
): { readonly texts: ReadonlyMap<string, string>; readonly options: PresetOptions } {
  const { data } = settingsSchema.safeParse(args === undefined ? undefined : parseForeignJson(args));
  if (data?.plans === undefined || data.dataset_json === undefined) return { texts: new Map(), options: {} };
  const mirrored = axesSchema.safeParse(axes === undefined ? undefined : parseForeignJson(axes)).data;
  return {
    texts: new Map([["plans.json", JSON.stringify(data.plans)], ["dataset.json", JSON.stringify(data.dataset_json)]]),
    options: { configuration: data.configuration, mirrored: mirrored === null ? [] : mirrored },
  };
}
