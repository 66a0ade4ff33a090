/**
 * Finds the model of a command: by name in the data directory or among the shipped ones, or by the path of a package.
 */
import { resolve } from "node:path";
import { type CheckingModel, checkNetwork } from "../../inference/mod.ts";
import { findCheckingModel } from "../../jobs/mod.ts";
import { Projects } from "../../identity/mod.ts";
import { DomainError, exists, keepPrivate, openDatabase } from "../../storage/mod.ts";
import { modelNameSchema, type ModelVersion, readPackage, Registry, verifyPackage } from "../../registry/mod.ts";
import { type Args, refuse, wrong } from "../terminal/args.ts";
import { checkDataDirectory, retentionOf, type Settings } from "./settings.ts";

export const MODEL_FLAGS = {
  model: { value: "NAME|PATH", help: "Name of a model (see `sulcus models`), or folder of a model package" },
  version: { value: "N", help: "Version of a named model. Default: the served one" },
} as const;

/** The parts of a model that commands use. */
export type Model = Pick<ModelVersion, "name" | "version" | "directory" | "manifest">;

export interface ModelChoice {
  /** A name, or a path (it has a slash or begins with a dot, which names cannot). */
  readonly model: string;
  readonly version?: number;
}

/** The model that `--model`, or the command's word, names. */
export function modelChoiceOf(args: Args, word?: string): ModelChoice {
  const model = word ?? args.required("model"), version = args.whole("version", { least: 1, most: 1_000_000 });
  if (!isPath(model) && !modelNameSchema.safeParse(model).success) {
    const expected = "a name of a-z, 0-9, - and _, or a path with a slash";
    if (word !== undefined) wrong(`Cannot use NAME: expected ${expected}, got "${model}"`);
    refuse("model", expected, model);
  }
  if (isPath(model) && version !== undefined) wrong("Cannot use --version: the model is a package folder");
  return { model, version };
}

export function isPath(model: string): boolean {
  return /[/\\]|^\./.test(model);
}

/**
 * Finds a model and checks the hash of every file. For a named one the database is opened briefly.
 * @throws {DomainError} as `Registry.resolve()` and `readPackage()` do
 */
export async function findModel({ model, version }: ModelChoice, settings: Settings): Promise<Model> {
  if (!isPath(model)) return await withRegistry(settings, (registry) => registry.resolve(model, version));
  const directory = resolve(model);
  if (!await exists(directory)) {
    throw new DomainError("not-found", "Cannot find the folder of the model package: no such folder; check the path");
  }
  const manifest = await readPackage(directory);
  await verifyPackage(directory, manifest);
  return { name: manifest.name, version: manifest.version, directory, manifest };
}

/** The note where the modality check fails. */
export const CHECK_FAILED = "The check of the images' modalities failed";

/**
 * Finds a model, and the one that checks modalities where it is served. A package folder needs no database and so has
 * no such check.
 * @throws as {@link findModel}
 */
export async function findModelAndCheck(
  choice: ModelChoice,
  settings: Settings,
  note: (message: string) => void,
): Promise<{ model: Model; modalityCheck?: CheckingModel }> {
  const { modalityCheck: name } = settings;
  if (isPath(choice.model) || name === null) return { model: await findModel(choice, settings) };
  return await withRegistry(settings, async (registry) => ({
    model: await registry.resolve(choice.model, choice.version),
    modalityCheck: await findCheckingModel(registry, name).catch(() => void note(CHECK_FAILED)),
  }));
}

/**
 * Opens the registry for one piece of work.
 * @throws {UsageError} as `checkDataDirectory()` does
 * @throws {DomainError} `locked` while a server has the data directory
 */
export async function withRegistry<T>(
  settings:
    & Pick<Settings, "data" | "models" | "databaseUrl" | "packagedReports">
    & Parameters<typeof retentionOf>[0],
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  using _private = keepPrivate();
  const { data, models, databaseUrl, packagedReports } = settings;
  await checkDataDirectory(data);
  const dataDirectory = resolve(data);
  const database = await openDatabase({ dataDirectory, url: databaseUrl }).catch(explain);
  try {
    const shippedDirectory = resolve(models), projects = new Projects(database, retentionOf(settings));
    return await work(
      await Registry.open({ database, dataDirectory, shippedDirectory, checkNetwork, packagedReports, projects }),
    );
  } finally {
    await database.close();
  }
}

function explain(error: unknown): never {
  if (!(error instanceof DomainError && error.code === "locked")) throw error;
  throw new DomainError(
    "locked",
    `${error.message}. A running server locks its data directory: use that server, stop it, name another folder with ` +
      "--data, or, to segment or classify, name the folder of the model package with --model",
    { cause: error },
  );
}
