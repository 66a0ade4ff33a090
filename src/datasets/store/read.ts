/** A stored data set as users and trainings see it: its rows with patients, checks and hash. Opens no file. */
import { createHash } from "node:crypto";
import type { Queryable } from "../../storage/mod.ts";
import { INPUTS } from "../../inference/mod.ts";
import type { LeftOut } from "../../train/mod.ts";
import { type CaseContent, hashCases, type PlacedFile } from "../checks/checks.ts";
import { checksEdition } from "../checks/edition.ts";
import { judge, type Verdict } from "../checks/judge.ts";
import { patientFor } from "../patients/case_name.ts";
import { countPatients } from "../patients/patients.ts";
import type { DatasetCase, DatasetDetail, DatasetSummary, Skip } from "../types.ts";
import {
  type CaseRow,
  nextTurn,
  selectCases,
  selectDataset,
  selectInfos,
  selectVerdict,
  storeVerdict,
} from "./rows.ts";

type StoredContent = CaseContent<PlacedFile>;

export interface ReadDataset {
  /** Lists all cases; its patients, checks and hash are of those that are not left out. */
  readonly detail: DatasetDetail;
  /** Those that are not left out. */
  readonly cases: readonly StoredContent[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * @param options.directory of the data set's files
 * @throws {DomainError} `not-found`, `invalid-request` where `skip` names a case that there is not
 */
export async function readDataset(
  on: Queryable,
  { id, directory, skip, kept }: {
    readonly id: string;
    readonly directory: string;
    readonly skip?: Skip;
    readonly kept: KeptVerdicts;
  },
): Promise<ReadDataset> {
  for (;;) {
    const summary = await selectDataset(on, id);
    const rows = await selectCases(on, id);
    await nextTurn();
    const key = keyOf({ summary, rows, skip }, await kept.edition());
    await nextTurn();
    const read: ReadRows = { key, summary, rows, all: contentsOf(rows, directory), skip };
    const verdict = await kept.of(key, () => verdictOn(on, read));
    if (verdict === null) continue; // the rows have changed since they were read
    await nextTurn();
    return describe(read, verdict);
  }
}

interface ReadRows {
  readonly key: string;
  readonly summary: DatasetSummary;
  readonly rows: readonly CaseRow[];
  readonly all: readonly StoredContent[];
  readonly skip?: Skip;
}

/** How many verdicts are kept: those of the data sets that pages ask for again and again. */
const KEPT = 4;

/** The last verdicts, by the rows they were made of, also those that are being made. */
export class KeptVerdicts {
  readonly #last = new Map<string, Promise<Verdict | null>>();
  #edition: Promise<string> | undefined;

  /** Of the checks, so that no verdict of an earlier program is taken for one of these. */
  edition(): Promise<string> {
    return this.#edition ??= checksEdition();
  }

  /** The verdict of this key, made where it is not kept. */
  of(key: string, make: () => Promise<Verdict | null>): Promise<Verdict | null> {
    const found = this.#last.get(key) ?? this.#make(key, make);
    this.#last.delete(key); // and to the end: the first one is the longest unused
    this.#last.set(key, found);
    if (this.#last.size > KEPT) this.#last.delete(this.#last.keys().next().value!);
    return found;
  }

  async #make(key: string, make: () => Promise<Verdict | null>): Promise<Verdict | null> {
    let verdict: Verdict | null = null;
    try {
      return verdict = await make();
    } finally {
      if (verdict === null) this.#last.delete(key);
    }
  }
}

/** The same for the same rows. What was recorded of a file never changes under its name. */
function keyOf(
  { summary, rows, skip }: Pick<ReadRows, "summary" | "rows" | "skip">,
  edition: string,
): string {
  return createHash("sha256").update(JSON.stringify([edition, summary, skip ?? null, rows])).digest("hex");
}

/** Cases whose files' records are read together. */
const PAGE = 100;

/** The verdict on all cases is stored, that of a training is not. null: the rows are no longer these. */
async function verdictOn(on: Queryable, { key, summary, rows, all, skip }: ReadRows): Promise<Verdict | null> {
  const stored = skip === undefined ? await selectVerdict(on, summary.id, key) : null;
  if (stored !== null) return stored;
  const infos: string[] = [];
  for (let at = 0; at < rows.length; at += PAGE) {
    const page = rows.slice(at, at + PAGE);
    const found = await selectInfos(on, page.map(({ id }) => id));
    for (const [, file] of page.flatMap(({ files }) => files)) {
      const info = found.get(file);
      if (info === undefined) return null;
      infos.push(info);
    }
    await nextTurn();
  }
  const { task, modalities, labels, classes } = summary;
  const cases = all.map(({ files, ...rest }) => ({ ...rest, roles: [...files.keys()] }));
  const verdict = await judge({ spec: { task, modalities, labels, classes }, skip, cases, infos });
  await nextTurn();
  // A full disk keeps nobody from reading: the next process makes the verdict again.
  if (skip === undefined) await storeVerdict(on, summary.id, { key, verdict }).catch(() => {});
  return verdict;
}

function describe({ summary, all }: ReadRows, { leftOut, checks }: Verdict): ReadDataset {
  const out = new Set(leftOut.map((one) => one.case));
  const cases = all.filter(({ id }) => !out.has(id));
  const detail: DatasetDetail = {
    ...summary,
    cases: all.map(listed),
    patients: countPatients(cases),
    checks,
    hash: hashCases(cases),
    ready: cases.length > 0 && checks.every((c) => c.severity !== "error"),
  };
  return { detail, cases, leftOut };
}

/** The cases of a data set, without checks. */
export async function readCases(on: Queryable, id: string): Promise<DatasetCase[]> {
  return contentsOf(await selectCases(on, id), "").map(listed);
}

function listed({ id, patient, patientFrom, className, excluded, files }: StoredContent): DatasetCase {
  return {
    case: id,
    patient,
    patientFrom,
    ...(excluded !== undefined && { excluded }),
    modalities: INPUTS.filter((m) => files.has(m)),
    hasLabel: files.has("label"),
    ...(className !== undefined && { class: className }),
  };
}

function contentsOf(rows: readonly CaseRow[], directory: string): StoredContent[] {
  return rows.map(({ name, patient, patient_from, class: className, excluded, files }) => ({
    id: name,
    ...patientFor(name, patient === null ? null : { patient, from: patient_from ?? "named" }),
    ...(className !== null && { className }),
    ...(excluded !== null && { excluded }),
    files: new Map(files.map(([role, file, sha256]) => [role, { path: `${directory}/${file}`, sha256 }])),
  }));
}
