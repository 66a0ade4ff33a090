/** `sulcus project`: shows and sets how long each project keeps things, and how much it may have. */
import { type OwnPolicy, type Policy, policySchema, type Project, PROJECT_NAME, Projects } from "../../identity/mod.ts";
import { keepPrivate, openDatabase } from "../../storage/mod.ts";
import { operatorWitness } from "../options/operator.ts";
import { checkDataDirectory, DATA_FLAGS, JSON_FLAG, retentionOf, settingsOf } from "../options/settings.ts";
import { Args, checkWords, type Command, type Flags, refuse, wrong } from "../terminal/args.ts";
import type { Io } from "../terminal/io.ts";

/** The flag of each field, and its words in a list. */
const FIELDS = {
  resultHours: ["result-hours", "Masks of jobs, in hours"],
  uploadHours: ["upload-hours", "Images of jobs that have not begun, in hours"],
  checkpointDays: ["checkpoint-days", "Checkpoints of trainings that did not succeed, in days"],
  datasetDays: ["dataset-days", "Data sets since they were made, in days"],
  modelDays: ["model-days", "Versions that are neither served nor the one before, in days"],
  jobDays: ["job-days", "Records of jobs since their end, in days"],
  auditDays: ["audit-days", "The audit trail, in days; the longest of all projects counts"],
  storageBytes: ["storage-bytes", "Bytes of its data sets and models"],
} as const satisfies Record<keyof Policy, readonly [flag: string, words: string]>;
const NAMES = Object.keys(FIELDS) as (keyof Policy)[];
const NONE = "none";

const ACTIONS = { list: [], show: ["NAME"], set: ["NAME"], reset: ["NAME"] } as const;

export const projectCommand: Command = {
  name: "project",
  summary: "shows and sets what each project keeps, and how much it may have",
  usage: ["project list", "project show NAME", "project set NAME [--dataset-days N|none] …", "project reset NAME"],
  flags: {
    ...Object.fromEntries(
      Object.values(FIELDS).map(([flag, help]) => [flag, { value: "N|none", help }]),
    ) as Flags,
    data: DATA_FLAGS.data,
    ...JSON_FLAG,
  },
  words: 2,
  notes: `
none keeps for ever, or without a bound. set leaves the fields that it is not given as they are; reset makes all of them
those of the installation, which are the settings of the service (SULCUS_DATASET_DAYS and so on). What is over goes
with the service's next sweep, within ten minutes.
With the embedded database the command works while the server is stopped; a running server shows and sets projects by
GET and PUT /v1/projects, for administrators.`,
  run: runProject,
};

async function runProject(args: Args, io: Io): Promise<void> {
  const [action = "", ...words] = args.words;
  if (!Object.hasOwn(ACTIONS, action)) {
    wrong(`Cannot run project: expected one of ${Object.keys(ACTIONS).join(", ")}, got "${action}"`);
  }
  checkWords(`project ${action}`, ACTIONS[action as keyof typeof ACTIONS], words);
  const [name] = words;
  if (name !== undefined && !PROJECT_NAME.test(name)) {
    wrong(`Cannot use NAME: expected 1 to 64 letters, digits, '.', '_' and '-', got "${name}"`);
  }
  const changes = action === "set" ? changesOf(args) : {};
  const settings = settingsOf(withoutFields(args), io.env);
  using _private = keepPrivate();
  await checkDataDirectory(settings.data);
  const database = await openDatabase({ dataDirectory: settings.data, url: settings.databaseUrl });
  try {
    const projects = new Projects(database, retentionOf(settings));
    const witness = operatorWitness("project.change", "project", name);
    if (action === "set") {
      await projects.put(name, { ...(await projects.get(name)).own, ...changes }, { witness });
    }
    if (action === "reset") await projects.put(name, {}, { witness });
    print(action === "list" ? await projects.list() : [await projects.get(name)], args, io);
  } finally {
    await database.close();
  }
}

/** The same words without the flags of fields, which mean the project's here and the installation's elsewhere. */
function withoutFields(args: Args): Args {
  const own: readonly string[] = Object.values(FIELDS).map(([flag]) => flag);
  const rest = args.given.filter((flag) => !own.includes(flag));
  return new Args(args.words, new Map(rest.map((flag) => [flag, args.text(flag) ?? true])));
}

function changesOf(args: Args): OwnPolicy {
  const given = NAMES.flatMap((field) => {
    const text = args.text(FIELDS[field][0]);
    return text === undefined ? [] : [[field, text] as const];
  });
  if (given.length === 0) wrong("Cannot run project set: expected a flag such as --dataset-days 365, got none");
  const fields = given.map(([field, text]) => {
    const value = text === NONE ? null : Number(text);
    const { success } = policySchema.safeParse({ [field]: value });
    return success ? [field, value] as const : refuse(FIELDS[field][0], "a whole number from 1 on, or none", text);
  });
  return Object.fromEntries(fields);
}

function print(projects: readonly Project[], args: Args, io: Io): void {
  if (args.is("json")) return io.out(JSON.stringify({ type: "result", projects }));
  if (projects.length === 0) return io.out("There are no projects.");
  for (const { name, own, policy, usedBytes } of projects) {
    io.out(`${name}  ${usedBytes} bytes`);
    for (const field of NAMES) {
      const from = Object.hasOwn(own, field) ? "" : "  (installation)";
      io.out(`  ${FIELDS[field][0].padEnd(16)}  ${policy[field] ?? NONE}${from}`);
    }
  }
}
