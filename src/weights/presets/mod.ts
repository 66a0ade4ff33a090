/** Presets: what the files of MONAI bundles and of nnU-Net say about their networks, as parts of a model's spec. */
import { bundlePreset } from "./bundle/bundle.ts";
import { nnunetPreset } from "./nnunet/nnunet.ts";
import type { Preset, PresetFiles, PresetKind, PresetOptions } from "./preset.ts";

export * from "./preset.ts";

/**
 * The preset in a framework's files: `bundle` reads `metadata.json` and, where it is there, `inference.json`; `nnunet` reads
 * `plans.json` and `dataset.json`.
 * @throws {SyntaxError | TypeError | RangeError} a file is missing or damaged, or asks for work that is not done here
 */
export function presetOf(kind: PresetKind, files: PresetFiles, options: PresetOptions = {}): Preset {
  return kind === "bundle" ? bundlePreset(files) : nnunetPreset(files, options);
}

/** The kind of preset that files with these names hold, or null. */
export function presetKindOf(names: Iterable<string>): PresetKind | null {
  const found = new Set(names);
  if (found.has("metadata.json")) return "bundle";
  return found.has("plans.json") ? "nnunet" : null;
}
