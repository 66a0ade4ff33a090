/** The modality that a channel's name means, or that the user says it means. */
import { inputFromName, MODALITIES, type Modality } from "../../inference/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import { invalidDataset } from "../spec.ts";

/** The user's words about channels: name or number → modality. It knows which of them were of use. */
export class ChannelMap {
  readonly #modalities: ReadonlyMap<string, Modality>;
  readonly #used = new Set<string>();

  constructor(modalities: ReadonlyMap<string, Modality> = new Map()) {
    this.#modalities = modalities;
  }

  /** The modality of a name, by the user's words first; null: it means none. */
  modalityOf(name: string, index?: number): Modality | null {
    for (const key of [...index === undefined ? [] : [String(index)], keyOf(name)]) {
      const modality = this.#modalities.get(key);
      if (modality === undefined) continue;
      this.#used.add(key);
      return modality;
    }
    return inputFromName(name);
  }

  /** The user's words, for another process. */
  entries(): IterableIterator<[name: string, modality: Modality]> {
    return this.#modalities.entries();
  }

  /** @throws {DomainError} `invalid-dataset` a word was of no use, and may be a slip */
  checkUsed(): void {
    const unused = this.#modalities.size - this.#used.size;
    if (unused > 0) {
      throw invalidDataset(
        `${unused} of the channels that were mapped to a modality ${unused === 1 ? "is" : "are"} not in it`,
      );
    }
  }
}

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
  return new ChannelMap(map);
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
      const modality = channels.modalityOf(name, index);
      if (modality === null) throw unknownModality(`channel ${index}`);
      return [index, modality];
    }),
  );
  if (new Set(found.values()).size < found.size) throw invalidDataset("two channels are of the same modality");
  return found;
}

/** The refusal of a name that means no modality, with what there is and the remedy. The name itself is a stranger's word. */
export function unknownModality(where: string): DomainError {
  return invalidDataset(
    `dataset.json: ${where} is no known modality: expected one of ${
      MODALITIES.join(", ")
    }. Say which it is, by its name ` +
      "there: --map-channel NAME=t1 on the command line, channels=NAME=t1 in the address of an import",
  );
}
