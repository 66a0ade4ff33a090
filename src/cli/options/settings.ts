/** Settings that all commands share: read from flags, then the environment, then defaults, and checked once. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { PRECISIONS, PROVIDERS } from "../../engine/mod.ts";
import type { Policy } from "../../identity/mod.ts";
import { modelNameSchema, PACKAGED_REPORTS } from "../../registry/mod.ts";
import { type Args, type Flags, UsageError } from "../terminal/args.ts";
import type { Io } from "../terminal/io.ts";

/** Flags of every command that needs the data directory. */
export const DATA_FLAGS = {
  data: { value: "DIR", help: "Data directory: database, jobs, fine-tuned models. Default ./data" },
  models: { value: "DIR", help: "Folder of the models that came with Sulcus, read-only. Default ./models" },
} as const satisfies Flags;

export const PROVIDER_FLAG = {
  provider: {
    value: "NAME",
    help: `Device to run on: auto, ${PROVIDERS.join(", ")}. Default auto: the fastest that works here`,
  },
} as const satisfies Flags;

export const CHECK_FLAG = {
  "modality-check": {
    value: "NAME|off",
    help: "Model that warns of images that do not look like their modality. Default mr-sequence, if served",
  },
} as const satisfies Flags;

export const PACKAGE_FLAG = {
  "package-reports": {
    value: "NAME",
    help: "What packages say about cases: pseudonyms, or full (names and pictures). Default pseudonyms",
  },
} as const satisfies Flags;

/** How long the service keeps things, and how much, where a project does not say it. */
export const RETENTION_FLAGS = {
  "result-hours": { value: "N", help: "How long masks of jobs are kept. Default 24" },
  "checkpoint-days": {
    value: "N",
    help: "How long checkpoints of trainings that did not succeed are kept. Default 30",
  },
  "dataset-days": { value: "N", help: "How long data sets are kept after they were made. Default: for ever" },
  "upload-hours": {
    value: "N",
    help: "How long images wait for their job to begin; it is then cancelled. Default: as long as it takes",
  },
  "model-days": {
    value: "N",
    help: "How long versions of models are kept that are neither served nor the one before. Default: for ever",
  },
  "job-days": { value: "N", help: "How long records of jobs are kept after their end. Default: for ever" },
  "audit-days": { value: "N", help: "How long the audit trail is kept. Default: for ever" },
  "project-gigabytes": {
    value: "N",
    help: "How much the data sets and models of a project may take. Default: no bound",
  },
} as const satisfies Flags;

export const JSON_FLAG = {
  json: { help: "Print JSON lines for other programs, the result as the last one" },
} as const satisfies Flags;

/** Where a setting comes from. */
export interface Setting {
  readonly flag?: string;
  /** The variable, or with `_FILE` at its end one that names a file with the value. */
  readonly env: string;
  /** Messages never show its value. */
  readonly secret?: boolean;
}

const SOURCES = {
  host: { flag: "host", env: "SULCUS_HOST" },
  port: { flag: "port", env: "SULCUS_PORT" },
  data: { flag: "data", env: "SULCUS_DATA" },
  models: { flag: "models", env: "SULCUS_MODELS" },
  provider: { flag: "provider", env: "SULCUS_PROVIDER" },
  allowedHosts: { flag: "allowed-hosts", env: "SULCUS_ALLOWED_HOSTS" },
  modalityCheck: { flag: "modality-check", env: "SULCUS_MODALITY_CHECK" },
  packagedReports: { flag: "package-reports", env: "SULCUS_PACKAGE_REPORTS" },
  resultHours: { flag: "result-hours", env: "SULCUS_RESULT_HOURS" },
  checkpointDays: { flag: "checkpoint-days", env: "SULCUS_CHECKPOINT_DAYS" },
  datasetDays: { flag: "dataset-days", env: "SULCUS_DATASET_DAYS" },
  uploadHours: { flag: "upload-hours", env: "SULCUS_UPLOAD_HOURS" },
  modelDays: { flag: "model-days", env: "SULCUS_MODEL_DAYS" },
  jobDays: { flag: "job-days", env: "SULCUS_JOB_DAYS" },
  auditDays: { flag: "audit-days", env: "SULCUS_AUDIT_DAYS" },
  storageBytes: { flag: "project-gigabytes", env: "SULCUS_PROJECT_GIGABYTES" },
  /** Every device process reads it too; checking it here refuses a wrong value at once. */
  cudaPrecision: { env: "SULCUS_CUDA_PRECISION" },
  precision: { env: "SULCUS_PRECISION" },
  databaseUrl: { env: "DATABASE_URL", secret: true },
  auditReceiver: { env: "SULCUS_AUDIT_RECEIVER" },
  auditCa: { env: "SULCUS_AUDIT_CA", secret: true },
  auditCert: { env: "SULCUS_AUDIT_CERT", secret: true },
  auditKey: { env: "SULCUS_AUDIT_KEY", secret: true },
} as const satisfies Record<string, Setting>;

export const hostName = z.string().regex(/^[A-Za-z0-9.:_[\]-]+$/, "expected a host name or address");
const pem = z.string().regex(/^-----BEGIN [A-Z ]+-----/, "expected a text in PEM form").optional();
/** A time of 1 to `most`, in hours or days. */
const period = (most: number) =>
  z.string().regex(/^\d{1,6}$/, `expected a whole number from 1 to ${most}`).transform(Number)
    .refine((time) => time >= 1 && time <= most, `expected a whole number from 1 to ${most}`);
const schema = z.strictObject({
  host: hostName.default("127.0.0.1"),
  port: z.string().regex(/^\d{1,5}$/, "expected a port from 0 to 65535").transform(Number)
    .refine((port) => port <= 65535, "expected a port from 0 to 65535").default(8080),
  data: z.string().default("./data"),
  models: z.string().default("./models"),
  provider: z.enum(["auto", ...PROVIDERS], `expected one of auto, ${PROVIDERS.join(", ")}`).default("auto"),
  allowedHosts: z.string().transform((list) => list.split(",").map((name) => name.trim()))
    .pipe(z.array(hostName)).default([]),
  modalityCheck: modelNameSchema.transform((name) => name === "off" ? null : name).default("mr-sequence"),
  packagedReports: z.enum(PACKAGED_REPORTS, `expected one of ${PACKAGED_REPORTS.join(", ")}`).default("pseudonyms"),
  resultHours: period(8760).default(24),
  checkpointDays: period(3650).default(30),
  datasetDays: period(36500).nullable().default(null),
  uploadHours: period(8760).nullable().default(null),
  modelDays: period(36500).nullable().default(null),
  jobDays: period(36500).nullable().default(null),
  auditDays: period(36500).nullable().default(null),
  storageBytes: period(1_000_000).transform((gigabytes) => gigabytes * 1e9).nullable().default(null),
  cudaPrecision: z.enum(PRECISIONS, `expected one of ${PRECISIONS.join(", ")}`).default("tf32"),
  precision: z.enum(PRECISIONS, `expected one of ${PRECISIONS.join(", ")}`).optional(),
  databaseUrl: z.string().regex(/^postgres(ql)?:\/\//, "expected an address that begins with postgres://").optional(),
  auditReceiver: z.string().regex(
    /^[A-Za-z0-9.-]+:\d{1,5}$/,
    "expected a host and a port, such as audit.example.org:6514",
  )
    .transform((text) => ({ hostname: text.split(":")[0], port: Number(text.split(":")[1]) })).optional(),
  auditCa: pem,
  auditCert: pem,
  auditKey: pem,
});
export type Settings = z.infer<typeof schema>;

/** What is kept where a project does not say it. */
export function retentionOf(settings: Pick<Settings, keyof Policy>): Policy {
  const { resultHours, uploadHours, checkpointDays, datasetDays, modelDays, jobDays, auditDays, storageBytes } =
    settings;
  return { resultHours, uploadHours, checkpointDays, datasetDays, modelDays, jobDays, auditDays, storageBytes };
}

/**
 * Reads and checks every setting.
 * @param options.dataFlag the flag of the data directory, where `--data` means something else
 * @throws {UsageError} naming the flag or variable that is wrong; values of secrets are not shown
 */
export function settingsOf(args: Args, env: Io["env"], { dataFlag = "data" } = {}): Settings {
  const { data: place, ...rest } = SOURCES;
  return readSettings({ ...rest, data: { ...place, flag: dataFlag } }, schema, { args, env });
}

/**
 * Reads the settings of a schema from flags, then the environment.
 * @throws {UsageError} naming the flag or variable that is wrong
 */
export function readSettings<T>(
  sources: Readonly<Record<string, Setting>>,
  schema: z.ZodType<T>,
  { args, env }: { readonly args: Args; readonly env: Io["env"] },
): T {
  const raw: Record<string, string> = {};
  const origin = new Map<string, string>();
  for (const [name, setting] of Object.entries(sources)) {
    const flag = setting.flag && args.text(setting.flag);
    const value = flag ? { text: flag, from: `--${setting.flag}` } : fromEnvironment(setting, env);
    if (!value) continue;
    raw[name] = value.text;
    origin.set(name, value.from);
  }
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0];
  const name = String(path[0]);
  const { secret, flag, env: variable } = sources[name];
  const from = origin.get(name) ?? (flag ? `--${flag} or ${variable}` : variable);
  throw new UsageError(`Cannot use ${from}: ${message}${secret || !origin.has(name) ? "" : `, got "${raw[name]}"`}`);
}

/** An empty variable counts as absent, because compose files leave one out like that. */
function fromEnvironment({ env: name }: Setting, env: Io["env"]): { text: string; from: string } | undefined {
  const [text, file] = [env[name], env[`${name}_FILE`]];
  if (text && file) throw new UsageError(`Cannot use ${name}: ${name}_FILE is set too`);
  if (!file) return text ? { text, from: name } : undefined;
  try {
    return { text: readFileSync(file, "utf8").trim(), from: `${name}_FILE` };
  } catch {
    throw new UsageError(`Cannot use ${name}_FILE: the file that it names cannot be read`);
  }
}

/** Creates the data directory if need be and checks that it can be written. @throws {UsageError} naming the setting */
export async function checkDataDirectory(data: string): Promise<void> {
  try {
    await Deno.mkdir(data, { recursive: true });
    await Deno.remove(await Deno.makeTempFile({ dir: data, prefix: ".writable-" }));
  } catch (error) {
    const { name, code } = error as Error & { code?: string };
    const why = name === "Error" ? code : name; // Deno has no name for some, such as EROFS
    throw new UsageError(
      `Cannot use the data directory (SULCUS_DATA, or its flag): expected a folder that can be written (${why})`,
    );
  }
}

/** Refuses settings that are planned but not supported yet, instead of ignoring them. @throws {UsageError} */
export function refuseUnsupported(env: Io["env"]): void {
  const name = Object.keys(env).find((name) => name.startsWith("S3_") && env[name]);
  if (name) throw new UsageError(`Cannot use ${name}: storage in S3 is not supported yet`);
}
