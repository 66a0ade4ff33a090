/** The modality that a channel's name means, or that the user says it means. */
import { inputFromName, MODALITIES, type Modality } from "../../inference/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import { invalidDataset } from "../spec.ts";

/** The user's words: name or number of a channel → modality. */
export type ChannelMap = ReadonlyMap<string, Modality>;

const keyOf = (name: string) => name.normalize("NFC").trim().toLowerCase();

/**
 * Reads `MRI=t1,noNorm=flair`.
 * @throws {DomainError} `invalid-request`
 */
export function readChannelMap(text: string): ChannelMap {
  const map = new Map<string, Modality>();
  for (const part of text.split(",")) {
    const at = part.lastIndexOf("=");
    const [name, modality] = [keyOf(part.slice(0, Math.max(at, 0))), inputFromName(part.slice(at + 1).trim())];
    if (name === "" || modality === null) {
      throw new DomainError(
        "invalid-request",
        `Cannot map channels: expected NAME=MODALITY, such as MRI=t1, with a modality among ${MODALITIES.join(", ")}`,
      );
    }
    if (map.has(name)) throw new DomainError("invalid-request", "Cannot map channels: one is mapped twice");
    map.set(name, modality);
  }
  return map;
}

/** The modality of a name, by the user's words first; null: it means none. */
export function mappedModality(name: string, channels: ChannelMap): Modality | null {
  return channels.get(keyOf(name)) ?? inputFromName(name);
}

/**
 * The modality of each channel of a description, by number.
 * @throws {DomainError} `invalid-dataset` a name means no modality, or two mean the same
 */
export function channelModalities(
  names: Readonly<Record<string, string>>,
  channels: ChannelMap,
): Map<number, Modality> {
  const entries = Object.entries(names).map(([index, name]) => ({ index: Number(index), name }));
  const found = new Map(
    entries.sort((a, b) => a.index - b.index).map(({ index, name }) => {
      const modality = channels.get(String(index)) ?? mappedModality(name, channels);
      if (modality === null) throw unknownModality(`channel ${index}`, name);
      return [index, modality];
    }),
  );
  if (new Set(found.values()).size < found.size) throw invalidDataset("two channels are of the same modality");
  return found;
}

/** The refusal of a name that means no modality, with what there is and the remedy. */
export function unknownModality(where: string, name: string): DomainError {
  const shown = name.replaceAll(/[^\p{L}\p{N} _.+*/()-]/gu, "?").slice(0, 40);
  return invalidDataset(
    `dataset.json: ${where}, "${shown}", is no known modality: expected one of ${MODALITIES.join(", ")}. ` +
      `Say which it is: --map-channel "${shown}=t1" on the command line, channels=${shown}=t1 in the address of an import`,
  );
}
