/** The tables of recipes in the documents, from the schemas and presets of `train/`. */
import type { z } from "zod";
import { DEFAULT_RECIPE, descriptionOf, resolveRecipe } from "../../../src/train/mod.ts";
import { BRAINMVP_PRESETS } from "../../../src/train/pretraining/brainmvp/presets.ts";
import { resolvedBrainmvpSchema } from "../../../src/train/pretraining/brainmvp/settings.ts";
import { FINETUNING_PRESETS } from "../../../src/train/recipe/finetuning_presets.ts";
import { FINETUNING_PRESET_NAMES, resolvedRecipeSchema } from "../../../src/train/recipe/finetuning_settings.ts";
import { table } from "../region.ts";

/** Whom every preset of fine-tuning is for. */
export function presetsTable(): string {
  const rows = FINETUNING_PRESET_NAMES.map((name) => {
    const { for: whom, does } = FINETUNING_PRESETS[name];
    return [`\`${name}\`${name === DEFAULT_RECIPE.preset ? " (default)" : ""}`, whom, does];
  });
  return table(["preset", "for", "what it does"], rows);
}

/** Numbers of cases for which the tables say how long a fine-tune is. */
const CASES = [1, 10, 100];

/** Settings that a time decides. */
const BY_TIME: ReadonlySet<string> = new Set(["steps", "foldSteps", "foldsRun", "warmupSteps"]);

/** Every setting of a fine-tune that a preset decides, for a segmentation and, where it differs, for a classification. */
export function finetuningTable(): string {
  const decided = new Set([...Object.keys(FINETUNING_PRESETS.edge.values), "foldSteps"]);
  const settings = Object.fromEntries(
    Object.entries(resolvedRecipeSchema.shape).filter(([name]) => decided.has(name)),
  );
  const columns = FINETUNING_PRESET_NAMES.map((preset) => {
    const of = (task: "segmentation" | "classification") => {
      const recipes = CASES.map((cases) =>
        resolveRecipe({ preset }, {
          cases,
          task,
          baseHasTemplates: false,
          network: "uniformer-pretraining",
          percentilesOver: null,
        })
      );
      return new Map(
        Object.keys(settings).map((name) => {
          if (preset === "auto" && BY_TIME.has(name)) return [name, "by the time"];
          const cells = recipes.map((recipe) => written(new Map<string, unknown>(Object.entries(recipe)).get(name)));
          return [name, new Set(cells).size === 1 && name !== "steps" ? cells[0] : cells.join(" / ")];
        }),
      );
    };
    const [segmentation, classification] = [of("segmentation"), of("classification")];
    return new Map([...segmentation].map(([name, cell]) => {
      const other = classification.get(name)!;
      return [name, cell === other ? cell : `${cell}; classification ${other}`];
    }));
  });
  return settingsTable(settings, { presets: FINETUNING_PRESET_NAMES, columns }) +
    `\n\nUpdates are those of ${CASES.join(" / ")} cases trained in one view${sharesText()}. A dash is null.`;
}

/** The presets that train fewer updates in two views. */
function sharesText(): string {
  return FINETUNING_PRESET_NAMES.map((name) => {
    const { values: { twoViewShare: share }, classification: { twoViewShare: other = share } } =
      FINETUNING_PRESETS[name];
    return share === 1 ? "" : `; in two views \`${name}\` takes ${share} of them, ${other} in a classification`;
  }).join("");
}

/** Every setting of BrainMVP's pre-training that a preset decides. */
export function pretrainingTable(): string {
  const { method: _m, preset: _p, steps: _s, seed: _e, ...settings } = resolvedBrainmvpSchema.shape;
  const presets = Object.entries(BRAINMVP_PRESETS);
  const columns = presets.map(([, values]) => {
    const { network: { kind }, ...others } = values;
    return new Map(Object.entries({ ...others, network: kind }).map(([name, value]) => [name, written(value)]));
  });
  return settingsTable(settings, { presets: presets.map(([name]) => name), columns });
}

function settingsTable(
  settings: Readonly<Record<string, z.ZodType>>,
  { presets, columns }: { presets: readonly string[]; columns: readonly ReadonlyMap<string, string>[] },
): string {
  const rows = Object.entries(settings).map(([name, schema]) => [
    `\`${name}\``,
    descriptionOf(schema).replace(/ Default: from the preset[^.]*\./, ""),
    ...columns.map((column, i) => {
      const cell = column.get(name) ?? "";
      return i > 0 && cell === columns[i - 1].get(name) ? "same" : cell;
    }),
  ]);
  return table(["setting", "what it does", ...presets.map((name) => `\`${name}\``)], rows);
}

/** A value as a cell of a table shows it. */
function written(value: unknown): string {
  if (value === null) return "–";
  if (Array.isArray(value)) return value.join("×");
  if (typeof value === "number" && value !== 0 && Math.abs(value) < 0.01) return value.toExponential();
  if (typeof value !== "object") return String(value);
  return Object.entries(value ?? {}).map(([part, inner]) => `${part} ${written(inner)}`).join(", ");
}
