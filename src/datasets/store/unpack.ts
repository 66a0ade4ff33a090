/** The work of the child that unpacks an archive of cases: see {@link importInProcess}. */
import { DomainError } from "../../storage/mod.ts";
import { VolumeError } from "../../volume/mod.ts";
import { inspectFile } from "../checks/inspect_file.ts";
import { ChannelMap } from "../layouts/channels.ts";
import { importDataset } from "./import.ts";
import type { ImportTask, Unpacked } from "./import_process.ts";

/** @throws {DomainError} as `importDataset()` does */
export async function unpackDataset({ zipPath, channels, ...settings }: ImportTask): Promise<Unpacked> {
  const { plan: { layout, ignored, notes }, spec, cases, leftOut } = await importDataset(zipPath, {
    ...settings,
    channels: new ChannelMap(new Map(channels)),
    inspector: { inspect },
  });
  return { layout, ignored, notes, spec, cases, leftOut };
}

/** This process has bounds already, and inspects without another one. @throws {DomainError} `invalid-volume` */
async function inspect(path: string, { isLabel }: { isLabel: boolean }) {
  try {
    return await inspectFile(path, isLabel);
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    throw new DomainError("invalid-volume", error.message, { cause: error });
  }
}
