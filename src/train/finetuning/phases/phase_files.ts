/** A finished phase on disk: its weights as a safetensors file, the rest as JSON. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ModelSpec } from "../../../inference/mod.ts";
import { writeWhole } from "../../../storage/mod.ts";
import type { Tensor } from "../../../tensor/mod.ts";
import { type Checkpoint, readCheckpoint, saveCheckpoint } from "../../loop/checkpoint.ts";
import type { ResolvedRecipe } from "../../recipe/finetuning_settings.ts";
import type { CaseScore } from "../../report/scores.ts";
import type { FoundRate, Updates } from "../../report/updates.ts";
import type { FinetuneRequest } from "../types.ts";

export interface FinishedPhase extends Updates {
  /** Time of its training and of its scores; absent in files of earlier versions. */
  readonly seconds?: PhaseSeconds | undefined;
  readonly scores: readonly CaseScore[];
  readonly weights: ReadonlyMap<string, Tensor>;
}

export interface PhaseSeconds {
  /** From the call to the end of its first update, less an update; and of an update. */
  readonly start: number;
  readonly update: number;
  /** Of scoring a case. */
  readonly score: number;
  readonly total: number;
}

/** Changes with the way in which cases are scored. */
const SCORING = "on the label's own grid";

/** The key of a phase: changes with everything that its weights and scores depend on. */
export function phaseIdentity(
  { request, recipe, spec }: { request: FinetuneRequest; recipe: ResolvedRecipe; spec: ModelSpec },
  { indices, steps, scored = [], from }: {
    readonly indices: readonly number[];
    /** Of a phase whose updates the recipe does not say. */
    readonly steps?: number | undefined;
    readonly scored?: readonly number[] | undefined;
    /** Name of the phase that it goes on from. */
    readonly from?: string | undefined;
  },
): string {
  const { base: { name, version }, cases } = request;
  const { task, architecture, modalities, labels, classes, preprocessing, inference } = spec;
  const own = [task, architecture, modalities, labels, classes, preprocessing, inference];
  const parts = [SCORING, name, version, recipe, ...own];
  const identity = JSON.stringify([
    ...parts,
    indices.map((i) => cases[i]),
    ...(steps === undefined ? [] : [steps, scored]),
    ...(from === undefined ? [] : [from]),
  ]);
  return createHash("sha256").update(identity).digest("hex");
}

interface PhaseFile extends Updates {
  readonly identity: string;
  readonly seconds?: PhaseSeconds | undefined;
  readonly scores: readonly (Omit<CaseScore, "previewPng"> & { previewPng?: string })[];
}

export async function writePhase(
  directory: string,
  { identity, scores, weights, seconds, ...updates }: FinishedPhase & { identity: string },
): Promise<void> {
  const floats = new Map([...weights].filter(([, t]) => t.dtype === "float32"));
  const { losses, norms, learningRate, found, waitShare, watched, hardLooks } = updates;
  const progress = { run: identity, step: losses.length, losses };
  await saveCheckpoint(join(directory, "weights.safetensors"), { tensors: floats, progress });
  const encoded = scores.map((s) => ({ ...s, previewPng: s.previewPng && s.previewPng.toBase64() }));
  const trained = { losses, norms, learningRate, found, waitShare, watched, hardLooks, seconds };
  const file: PhaseFile = { identity, ...trained, scores: encoded };
  await writeWhole(join(directory, "phase.json"), JSON.stringify(file));
}

/** A finished phase; null where there is none, its key differs, or its files are damaged. */
export async function readPhase(
  directory: string,
  { identity, onLog }: { identity: string; onLog: (message: string) => void },
): Promise<FinishedPhase | null> {
  const text = await readFile(join(directory, "phase.json"), "utf8").catch(() => null);
  if (text === null) return null;
  let file: PhaseFile, saved: Checkpoint | null;
  try {
    file = JSON.parse(text);
    if (file.identity !== identity) return null;
    saved = await readCheckpoint(join(directory, "weights.safetensors"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    onLog("The result on disk is damaged: this training is done again");
    return null;
  }
  if (saved?.progress.run !== identity) return null;
  const scores = file.scores.map((s) => ({
    ...s,
    previewPng: s.previewPng ? Uint8Array.fromBase64(s.previewPng) : undefined,
  }));
  const { losses, norms, learningRate, found, waitShare, watched, hardLooks, seconds } = file;
  return { losses, norms, learningRate, found, waitShare, watched, hardLooks, seconds, scores, weights: saved.tensors };
}

/** A rate that was found before the training of a phase. */
interface RateFile {
  readonly identity: string;
  readonly found: FoundRate;
}

const RATE_FILE = "rate.json";

export async function writeRate(directory: string, file: RateFile): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeWhole(join(directory, RATE_FILE), JSON.stringify(file));
}

/** The rate that an earlier call found; null where there is none for this phase. Files are written whole. */
export async function readRate(directory: string, identity: string): Promise<FoundRate | null> {
  const text = await readFile(join(directory, RATE_FILE), "utf8").catch(() => null);
  const file: RateFile | null = text === null ? null : JSON.parse(text);
  return file?.identity === identity ? file.found : null;
}
