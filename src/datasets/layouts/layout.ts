/** The record of a data-set layout, the plan that it makes, and the tools that layouts share. */
import type { Modality } from "../../inference/mod.ts";
import type { ChannelMap } from "./channels.ts";
import type { DatasetLabel, DatasetTask, PatientSource, Role } from "../types.ts";

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
  /** Paths below the data set's root, with `/`, in Unicode's composed form. */
  readonly paths: readonly string[];
  /** The content of its `dataset.json`; absent: it has none. */
  readonly description?: Readonly<Record<string, unknown>>;
  /** The keys of an object of the description in the order of the file, which JavaScript changes where they are numbers. */
  readonly keysOf: (field: string) => readonly string[];
  /** The user's words: name or number of a channel → modality. */
  readonly channels: ChannelMap;
}

/** A case as a layout finds it. */
export interface LayoutCase {
  readonly id: string;
  /** Absent: the layout names none. */
  readonly patient?: string;
  readonly className?: string;
  /** Why trainings leave it out; absent: they do not. */
  readonly excluded?: string;
  /** Path of each file, relative to the data set. */
  readonly files: ReadonlyMap<Role, string>;
  /** Why the case cannot be used; absent: it can. */
  readonly fault?: string;
}

/** The data set that a layout finds. */
export interface Plan<Case = LayoutCase> {
  /** Empty where the layout names none. */
  readonly name: string;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  readonly regions: readonly DatasetLabel[];
  readonly classes: readonly string[];
  readonly cases: readonly Case[];
  /** What its description says about cases that are not there, or about files that are not. Absent: nothing. */
  readonly notes?: readonly string[];
}

/** A case with its patient. */
export interface PlannedCase extends LayoutCase {
  readonly patient: string;
  readonly patientFrom: PatientSource;
}

/** Collects files into cases, in the order of the case names. */
export class CaseCollector {
  readonly #cases = new Map<string, Map<Role, string>>();
  readonly #faults = new Map<string, string>();

  /** Two files for one role are a fault of the case: either may be meant. */
  add(id: string, role: Role, path: string): void {
    const files = this.#cases.get(id) ?? new Map<Role, string>();
    if (files.has(role)) this.#faults.set(id, `a case has two files for ${role}`);
    this.#cases.set(id, files.set(role, path));
  }

  /** Marks a case as one that cannot be used. */
  spoil(id: string, fault: string): void {
    this.#cases.set(id, this.#cases.get(id) ?? new Map());
    this.#faults.set(id, fault);
  }

  has(id: string): boolean {
    return this.#cases.has(id);
  }

  cases(describe: (id: string) => Partial<Omit<LayoutCase, "id" | "files" | "fault">> = () => ({})): LayoutCase[] {
    return [...this.#cases].sort(([a], [b]) => a < b ? -1 : 1).map(([id, files]) => {
      const { patient, className, excluded } = describe(id);
      const fault = this.#faults.get(id);
      return {
        id,
        ...(patient !== undefined && { patient }),
        ...(className !== undefined && { className }),
        ...(excluded !== undefined && { excluded }),
        ...(fault !== undefined && { fault }),
        files,
      };
    });
  }
}
