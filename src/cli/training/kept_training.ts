/**
 * A training in this process, from the request to the candidate version. Its checkpoint outlives the process. The
 * database is open at the start and at the end only, so that hours of training lock nobody out.
 */
import { resolve } from "node:path";
import { acquireLock, DomainError, exists, keepPrivate, removeIfPresent } from "../../storage/mod.ts";
import { type ManifestDraft, type ModelVersion, type Registry } from "../../registry/mod.ts";
import type { TrainEvent } from "../../train/mod.ts";
import type { Settings } from "../options/settings.ts";
import { CommandError, failureOf } from "../terminal/errors.ts";
import { withRegistry } from "../options/models.ts";

export interface KeptTraining<T> {
  readonly settings: Settings;
  /** Folder of all trainings of this kind; see {@link workRootOf}. */
  readonly root: string;
  /** Id of the training: the same for the same request and data, wherever the data lies. */
  readonly job: string;
  /** In messages: "fine-tune". */
  readonly title: string;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TrainEvent) => void;
  /** Throws where the registry cannot take the result. */
  readonly check: (registry: Registry) => Promise<void>;
  readonly train: (
    place: { workDirectory: string; outputDirectory: string; onEvent: (event: TrainEvent) => void },
  ) => Promise<T>;
  readonly draftOf: (trained: T) => ManifestDraft;
}

/** The folder of all trainings of a kind. */
export async function workRootOf(given: string | undefined, settings: Settings, kind: string): Promise<string> {
  const root = resolve(given ?? `${settings.data}/${kind}`);
  await Deno.mkdir(root, { recursive: true });
  return root;
}

/**
 * Trains, or resumes where the same request was stopped, and writes the candidate. `existed`: an earlier command made
 * it.
 * @throws {CommandError} `cancelled` once the checkpoint is written
 * @throws {DomainError} names or data cannot be used; `locked`
 */
export async function keepTraining<T>(
  options: KeptTraining<T>,
): Promise<{ readonly made: ModelVersion; readonly existed: boolean }> {
  const { settings, root, job, title } = options;
  using _private = keepPrivate(); // prepared cases, checkpoints and reports
  const existing = await withRegistry(settings, async (registry) => {
    await options.check(registry);
    return await registry.madeBy(job);
  });
  if (existing) return { made: existing, existed: true };

  const directory = `${root}/${job}`;
  await Deno.mkdir(directory, { recursive: true });
  const lock = await acquireLock(`${directory}/lock`, { what: `the folder of this ${title}` });
  try {
    const trained = await train(options, directory);
    const made = await withRegistry(settings, (registry) => addOnce(registry, options.draftOf(trained), directory, job))
      .catch(keepsResult);
    await removeIfPresent(directory); // prepared cases are patients' data
    return { made, existed: false };
  } finally {
    lock.release();
  }
}

async function train<T>({ title, signal, onEvent, train }: KeptTraining<T>, directory: string): Promise<T> {
  const workDirectory = `${directory}/work`;
  if (await exists(workDirectory)) onEvent({ type: "log", message: `Resuming where this ${title} was stopped` });
  let last: Extract<TrainEvent, { type: "progress" }> | undefined;
  try {
    return await train({
      workDirectory,
      outputDirectory: `${directory}/output`,
      onEvent: (event) => {
        if (event.type === "progress") last = event;
        onEvent(event);
      },
    });
  } catch (error) {
    if (!signal.aborted || failureOf(error).code !== "cancelled") throw error;
    const at = last ? ` after update ${last.step} of ${last.steps} (${last.phase})` : "";
    throw new CommandError(
      "cancelled",
      `Stopped${at}. The checkpoint is kept: the same command resumes from it`,
      { cause: error },
    );
  }
}

/** After a crash between the candidate and the end of the command, the same command must not make a second one. */
async function addOnce(
  registry: Registry,
  draft: ManifestDraft,
  directory: string,
  job: string,
): Promise<ModelVersion> {
  return await registry.madeBy(job) ?? await registry.addCandidate(draft, `${directory}/output`);
}

function keepsResult(error: unknown): never {
  if (!(error instanceof DomainError && error.code === "locked")) throw error;
  throw new DomainError(
    "locked",
    `The training is finished and stored, but the candidate cannot be written yet. ${error.message}. Then run the ` +
      "same command again; it does not train again",
    { cause: error },
  );
}
