/** Shared by the makers of shipped packages: fine-tunes a base and writes the next version. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import project from "../../deno.json" with { type: "json" };
import { type Engine, openEngine } from "../../src/engine/mod.ts";
import { type Preprocessing } from "../../src/inference/mod.ts";
import { type ManifestDraft, specOf } from "../../src/registry/mod.ts";
import { readPackage, writePackage } from "../../src/registry/package.ts";
import { finetune, type FinetuneRequest, type FinetuneResult } from "../../src/train/mod.ts";

export const SEED = 0;
export const SOFTWARE = {
  sulcus: project.version,
  deno: Deno.version.deno,
  onnxruntime: project.imports["onnxruntime-node"].split("@").at(-1)!,
};
export const NOT_MEDICAL = "Research only. Not a medical device; not for diagnosis or treatment.";
/** Both shared data sets are the work of one group. */
export const LICENCE = "Apache-2.0; trained on data under CC BY (Lesjak et al. 2016, 2018)";
export const DATA_NOTE = "Data: Lesjak et al., Neuroinformatics 2016 and 2018, CC BY, as processed in the public " +
  "repository muschellij2/open_ms_data.";

/** An empty folder for a package's files. */
export function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "sulcus-model-"));
}

/** The number after the highest version of a model; 1 where there is none. */
export async function nextVersion(models: string, name: string): Promise<number> {
  const entries = await Array.fromAsync(Deno.readDir(join(models, name))).catch(() => []);
  return 1 + Math.max(0, ...entries.map((e) => Number(e.name)).filter(Number.isInteger));
}

/** Writes the next version (or `version`) from the files of `source`. @throws {DomainError} `version-exists` */
export async function publish(
  models: string,
  draft: ManifestDraft,
  { source, version }: { source: string; version?: number },
): Promise<void> {
  const next = version ?? await nextVersion(models, draft.name);
  await writePackage(models, draft, { version: next, source });
  console.log(`wrote ${models}/${draft.name}/${next}`);
}

export interface Tuning
  extends Pick<FinetuneRequest, "task" | "cases" | "modalities" | "labels" | "classes" | "recipe" | "cacheBytes"> {
  /** Folder of the base's package. */
  readonly base: string;
  /** Replaces the base's. */
  readonly preprocessing?: Preprocessing;
  /** Folder of checkpoints; the same call with the same folder resumes. */
  readonly work: string;
  /** The rest of the manifest. */
  readonly describe: (result: FinetuneResult, made: Made) => Described | Promise<Described>;
}

/** What a fine-tune made, before it is described. */
export interface Made {
  readonly seconds: number;
  readonly report: ScoredReport;
  /** Folder of the package's files. */
  readonly directory: string;
  readonly engine: Engine;
}

interface Described {
  readonly name: string;
  readonly licence: string;
  readonly intendedUse: string;
  readonly note: string;
}

/** A classifier's `report.json`: the cases of each fold, and all of them in the phase `final`. */
export interface ScoredReport {
  readonly phases: readonly {
    readonly name: string;
    readonly cases: readonly {
      readonly case: string;
      readonly probabilities: readonly number[];
      readonly classIndex: number;
    }[];
  }[];
}

/** Fine-tunes on the CPU and writes the next version. */
export async function fineTuned(models: string, { base, preprocessing, work, describe, ...wishes }: Tuning) {
  const manifest = await readPackage(base);
  const spec = specOf(manifest);
  const output = await newFolder();
  await Deno.mkdir(work, { recursive: true });
  const engine = await openEngine("cpu");
  const start = performance.now();
  try {
    const result = await finetune({
      ...wishes,
      base: {
        name: manifest.name,
        version: manifest.version,
        directory: base,
        spec: { ...spec, preprocessing: preprocessing ?? spec.preprocessing },
      },
      workDirectory: work,
      outputDirectory: output,
      engine,
      onEvent: (event) => {
        if (event.type !== "progress" || event.step % 25 === 0) console.log(JSON.stringify(event));
      },
    });
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(JSON.stringify({ validation: result.validation, training: result.training, seconds }));
    const report: ScoredReport = JSON.parse(await Deno.readTextFile(join(output, "private/report.json")));
    const { note, ...described } = await describe(result, { seconds, report, directory: output, engine });
    const draft: ManifestDraft = {
      ...result.spec as ManifestDraft,
      ...described,
      provenance: {
        baseModel: manifest.name,
        baseVersion: manifest.version,
        recipe: result.resolvedRecipe as ManifestDraft["provenance"]["recipe"],
        seed: SEED,
        software: { ...SOFTWARE, provider: result.provider },
        metrics: { ...result.validation },
        createdAt: new Date().toISOString(),
        note,
      },
    };
    await publish(models, draft, { source: output });
  } finally {
    await engine.close();
    await rm(output, { recursive: true });
  }
}
