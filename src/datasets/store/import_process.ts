/** Unpacks an archive of cases in a child process with bounds, so that no archive stops or ends a server. */
import type { Modality } from "../../inference/mod.ts";
import type { Readers } from "../../process/mod.ts";
import type { LeftOut } from "../../train/mod.ts";
import type { DatasetPlan, PlanOptions } from "../layouts/layouts.ts";
import type { DatasetSpec } from "../types.ts";
import type { ImportSettings } from "./import.ts";
import type { StoredCase } from "./rows.ts";

type Settings =
  & Omit<ImportSettings, "inspector" | keyof PlanOptions>
  & Pick<PlanOptions, "channels" | "patients" | "skip">;

/** {@link Settings} as JSON. */
export interface ImportTask extends Omit<Settings, "channels"> {
  readonly zipPath: string;
  readonly channels: readonly (readonly [name: string, modality: Modality])[];
}

export interface Unpacked extends Pick<DatasetPlan, "layout" | "ignored" | "notes"> {
  readonly spec: DatasetSpec;
  readonly cases: readonly StoredCase[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * `importDataset()` in a child.
 * @throws {DomainError} `invalid-archive`, `invalid-dataset`, `invalid-volume`, `too-large`, `too-much-work`, `busy`
 */
export async function importInProcess(
  zipPath: string,
  { channels, ...settings }: Settings,
  readers: Readers,
): Promise<Unpacked> {
  return await readers.run<ImportTask, Unpacked>(import.meta.resolve("./_import_child.ts"), {
    task: { ...settings, zipPath, channels: [...channels?.entries() ?? []] },
    reads: [zipPath],
    writes: [settings.directory],
    refusal: { code: "invalid-dataset", start: "Cannot import the data set" },
  });
}
