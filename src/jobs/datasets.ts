/**
 * Data sets: records in the database, case files on disk under names of our own. Not a PACS: no headers, no user's file
 * names are kept.
 */
import { type Database, DomainError } from "../registry/mod.ts";
import type { Modality } from "../inference/spec.ts";
import type { TrainingCase } from "../train/types.ts";
import type { DatasetDetail, DatasetSpec, DatasetSummary, ImportedDataset } from "./types.ts";

export interface DatasetsOptions {
  readonly database: Database;
  /** Files live in `<dataDirectory>/datasets`. */
  readonly dataDirectory: string;
  /** Largest case file, bytes. Default 2 GiB. */
  readonly maxFileBytes?: number;
}

const later = (): never => {
  throw new DomainError("internal", "Cannot do this yet");
};

export class Datasets {
  static open(_options: DatasetsOptions): Promise<Datasets> {
    return later();
  }
  create(_spec: DatasetSpec): Promise<DatasetDetail> {
    return later();
  }
  list(): Promise<DatasetSummary[]> {
    return later();
  }
  /** @throws {DomainError} `not-found` */
  get(_id: string): Promise<DatasetDetail> {
    return later();
  }
  /** @throws {DomainError} `not-found`, `dataset-in-use` */
  delete(_id: string): Promise<void> {
    return later();
  }
  /** Stores (or replaces) one file of a case; the case appears with its first file. */
  putFile(
    _id: string,
    _case: string,
    _role: Modality | "label",
    _source: ReadableStream<Uint8Array>,
    _options?: { signal?: AbortSignal },
  ): Promise<{ sha256: string; bytes: number }> {
    return later();
  }
  putClass(_id: string, _case: string, _value: { class: string; patient?: string }): Promise<void> {
    return later();
  }
  /** @throws {DomainError} `invalid-archive`, `invalid-dataset` */
  importZip(_zipPath: string, _options?: { name?: string }): Promise<ImportedDataset> {
    return later();
  }
  /** What a fine-tune needs. @throws {DomainError} `incomplete-dataset` */
  trainingCases(_id: string): Promise<{ detail: DatasetDetail; cases: TrainingCase[] }> {
    return later();
  }
}
