/** What a layout finds in a data set: cases and what their files are. Plain data and what its makers share. */
import { DomainError } from "../../storage/mod.ts";
import type { Modality } from "../../inference/mod.ts";
import type { DatasetLabel, DatasetLayout, DatasetTask } from "../types.ts";

/** What a file of a case is: one of its images, or its label map. */
export type Role = Modality | "label";

export interface PlannedCase {
  readonly id: string;
  readonly patient: string;
  readonly className?: string;
  /** Path of each file, relative to the data set. */
  readonly files: ReadonlyMap<Role, string>;
}

export interface DatasetPlan {
  readonly layout: DatasetLayout;
  readonly name: string;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  readonly regions: readonly DatasetLabel[];
  readonly classes: readonly string[];
  readonly cases: readonly PlannedCase[];
  /** Files that no rule of the layout explains. */
  readonly ignoredFiles: number;
}

/** The files below a data set's root, with `/`, and the content of its `dataset.json`. */
export interface LayoutInput {
  readonly paths: readonly string[];
  readonly description: Record<string, unknown>;
}
/** A plan without what `planDataset()` adds. */
export type LayoutPlan = Omit<DatasetPlan, "ignoredFiles">;

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
