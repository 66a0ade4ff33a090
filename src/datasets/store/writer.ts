/** One change of a stored data set: its rows in a transaction, and the files before and after it. */
import { dirname } from "node:path";
import { type Database, type Queryable, removeIfEmpty, removeIfPresent, type Witness } from "../../storage/mod.ts";
import type { Projects } from "../../identity/mod.ts";
import type { Inspector } from "../checks/inspect.ts";
import type { Role } from "../types.ts";
import { storeCaseFile } from "./case_files.ts";
import type { Removal } from "./removal.ts";
import { deleteVerdict, lockUnused, projectOf, type StoredFile } from "./rows.ts";

export interface WriterParts {
  readonly database: Database;
  /** Folder of all data sets. */
  readonly root: string;
  readonly projects: Pick<Projects, "checkSpace" | "checkFree">;
  readonly removal: Removal;
  readonly inspector: Inspector;
  readonly maxFileBytes: number;
}

export class DatasetWriter {
  readonly #parts: WriterParts;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Refuses before anything is read. @throws {DomainError} `not-found`, `dataset-in-use`, `project-full` */
  async checkOpen(id: string): Promise<void> {
    const { database, projects } = this.#parts;
    const project = await database.transaction(async (tx) => {
      await lockUnused(tx, id);
      return await projectOf(tx, id);
    });
    await projects.checkFree(project);
  }

  /** Stores a file in a case's folder. @throws {DomainError} `too-large`, `invalid-volume` */
  store(
    source: ReadableStream<Uint8Array>,
    { id, ...place }: { id: string; folder: string; role: Role; signal?: AbortSignal },
  ): Promise<StoredFile> {
    const { root, maxFileBytes: maxBytes, inspector } = this.#parts;
    return storeCaseFile(source, { ...place, directory: `${root}/${id}`, maxBytes, inspector });
  }

  /**
   * Changes the rows of a data set that no job uses; then removes the files that `work` returns. `adds`: bytes come in.
   * @throws {DomainError} `not-found`, `dataset-in-use`, `project-full`
   */
  async change(
    id: string,
    work: (tx: Queryable) => Promise<readonly string[]>,
    { witness, adds = false }: { readonly adds?: boolean; readonly witness?: Witness },
  ): Promise<void> {
    const { database, projects, removal } = this.#parts;
    const { superfluous, hadVerdict } = await database.transaction(async (tx) => {
      await lockUnused(tx, id);
      const changed = { hadVerdict: await deleteVerdict(tx, id), superfluous: await work(tx) };
      if (adds) await projects.checkSpace(tx, await projectOf(tx, id));
      await witness?.(tx);
      return changed;
    });
    for (const file of superfluous) await this.#removeFile(id, file);
    if (superfluous.length > 0 || hadVerdict) removal.rowsDeleted();
  }

  /** Removes new files where the change that they are for is refused. */
  async unlessRefused(id: string, files: readonly StoredFile[], change: Promise<void>): Promise<void> {
    await change.catch(async (error) => {
      for (const { file } of files) await this.#removeFile(id, file);
      throw error;
    });
  }

  /** Removes a case's file, and its folder with the last one. */
  async #removeFile(id: string, file: string): Promise<void> {
    const path = `${this.#parts.root}/${id}/${file}`;
    await removeIfPresent(path);
    await removeIfEmpty(dirname(path));
  }
}
