/** The record of a data-set layout, the plan that it makes, and the tools that layouts share. */
import { DomainError } from "../../storage/mod.ts";
import type { Modality } from "../../inference/mod.ts";
import type { DatasetLabel, DatasetTask, Role } from "../types.ts";

/** A way to lay out the files of a data set. It is recognised by names and descriptions, never by images. */
export interface Layout {
  /** Its name in help texts, documents and messages. */
  readonly title: string;
  /** Its files in one line, for help texts and for the message that no cases were found. */
  readonly files: string;
  readonly recognises: (found: FoundFiles) => boolean;
  /** @throws {DomainError} `invalid-dataset` */
  readonly plan: (found: FoundFiles) => Plan;
}

/** The files of a data set. */
export interface FoundFiles {
  /** Paths below the data set's root, with `/`. */
  readonly paths: readonly string[];
  /** The content of its `dataset.json`; absent: it has none. */
  readonly description?: Readonly<Record<string, unknown>>;
}

export interface PlannedCase {
  readonly id: string;
  readonly patient: string;
  readonly className?: string;
  /** Path of each file, relative to the data set. */
  readonly files: ReadonlyMap<Role, string>;
}

/** The data set that a layout finds. */
export interface Plan {
  /** Empty where the layout names none. */
  readonly name: string;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  readonly regions: readonly DatasetLabel[];
  readonly classes: readonly string[];
  readonly cases: readonly PlannedCase[];
}

/** The refusal of a data set; `why` holds no file names, which may be patients'. */
export function invalidDataset(why: string): DomainError {
  return new DomainError("invalid-dataset", `Cannot read the data set: ${why}`);
}

/** Collects files into cases, in the order of the case names. */
export class CaseCollector {
  readonly #cases = new Map<string, Map<Role, string>>();

  /** @throws {DomainError} `invalid-dataset` when the case has such a file already */
  add(id: string, role: Role, path: string): void {
    const files = this.#cases.get(id) ?? new Map<Role, string>();
    if (files.has(role)) throw invalidDataset(`a case has two files for ${role}`);
    this.#cases.set(id, files.set(role, path));
  }

  has(id: string): boolean {
    return this.#cases.has(id);
  }

  cases(describe: (id: string) => { patient?: string; className?: string } = () => ({})): PlannedCase[] {
    return [...this.#cases].sort(([a], [b]) => a < b ? -1 : 1).map(([id, files]) => {
      const { patient = id, className } = describe(id);
      return { id, patient, ...(className !== undefined && { className }), files };
    });
  }
}
