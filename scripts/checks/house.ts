/**
 * The house: the rooms of `src/` from the roof down, the folders of each from the top down, what each must not know, and
 * the packages that only it may import. The one source of `deno task arrows` and of the table in ARCHITECTURE.md.
 */

export interface RoomRules {
  readonly room: string;
  /** Its work, in one line. */
  readonly is: string;
  /** Its input and output. */
  readonly flow: string;
  /**
   * Its folders; a file imports from its own folder and those after it. `.` stands for the files that lie in the room
   * itself, but for those of `base`. Absent: a room without folders.
   */
  readonly folders?: readonly string[];
  /** Files of the room that lie below all its folders: plain types that every folder shares. */
  readonly base?: readonly string[];
  /** Files beside `mod.ts` through which other rooms may enter: the interfaces between rooms. */
  readonly doors?: readonly string[];
  /** Rooms further down that it may not import either, and the subject that it stays ignorant of. */
  readonly ignorant?: { readonly of: string; readonly rooms: readonly string[] };
  /** Packages that this room may import and others may not, unless they list them too. */
  readonly packages?: readonly RegExp[];
}

export const HOUSE: readonly RoomRules[] = [
  {
    room: "cli",
    is: "the command `sulcus`; configuration from flags and environment",
    flow: "words → exit code",
    folders: [".", "commands", "training", "evaluation", "importing", "options", "terminal"],
    ignorant: { of: "tensors", rooms: ["graph", "tensor"] },
    packages: [/^node:https?2?$/],
  },
  {
    room: "server",
    is: "HTTP: one record a route, with zod schemas that validate and document; one file turns errors into problems",
    flow: "requests → replies, events",
    // `protocols` (OIP, MONAI Label, DICOMweb) will stand after `routes`.
    folders: [".", "routes", "web", "schemas", "http", "observe"],
    base: ["settings.ts"],
    ignorant: { of: "tensors and ONNX", rooms: ["graph", "tensor"] },
    packages: [/^(hono|@hono\/[^/]+|@fastify\/busboy)(\/|$)/, /^node:https?2?$/],
  },
  {
    room: "jobs",
    is: "work that outlives a request: kinds of jobs, queue, records, events, worker processes, cancel and resume",
    flow: "wishes → results on disk and in the database",
    folders: [".", "worker", "queue", "kinds"],
    base: ["types.ts"],
    packages: [/^pg-boss$/],
  },
  {
    room: "datasets",
    is: "labelled and unlabelled cases: store, layouts of folders and archives, checks",
    flow: "uploads, folders, zips → cases with checks and a hash",
    folders: [".", "store", "layouts", "patients", "checks"],
    base: ["spec.ts", "types.ts"],
    ignorant: { of: "networks", rooms: ["nets", "engine", "graph"] },
  },
  {
    room: "weights",
    is: "files of weights and networks of others into packages, and back",
    flow: "`.pt`, `.safetensors`, `.onnx` ↔ packages",
    folders: [".", "onnx", "stated", "request", "source", "presets", "formats"],
    base: ["refuse.ts"],
  },
  {
    room: "registry",
    is: "model packages: manifest, hashes, versions, candidate → served → retired, audit of decisions",
    flow: "folders, zips → verified packages",
    base: ["types.ts"],
    doors: ["types.ts"],
    ignorant: { of: "what is inside a network", rooms: ["nets", "engine", "graph", "tensor"] },
  },
  {
    room: "train",
    is: "fine-tuning and pre-training: recipes, sampling, the step as a graph, the loop, validation, reports",
    flow: "files + base → `network.onnx` + report",
    folders: [".", "finetuning", "pretraining", "report", "planning", "loop", "step", "data", "recipe"],
    base: ["types.ts"],
    doors: ["types.ts"],
  },
  {
    room: "inference",
    is: "volumes → network input → windows → logits → a mask on the source grid; templates",
    flow: "volumes → mask or probabilities",
    folders: [".", "tasks", "windows", "prepare", "work", "channels", "checks", "quality", "activation"],
    base: ["budget.ts", "modalities.ts", "preprocessing.ts", "quality_types.ts", "spec.ts", "types.ts"],
  },
  {
    room: "nets",
    is: "architectures: a frozen config and a function each, one record a family; keys of official checkpoints",
    flow: "config + weights → graph",
    folders: ["checkpoint", ".", "families", "layers"],
    ignorant: { of: "data and providers", rooms: ["engine", "process", "volume"] },
  },
  {
    room: "engine",
    is:
      "runs graphs: one interface, one record a provider, a supervised child per device; probing, calibration, fallback",
    flow: "ONNX bytes + tensors → tensors",
    folders: ["choice", "device", "calibration", ".", "providers", "runtimes"],
    base: ["errors.ts"],
    ignorant: { of: "medicine", rooms: ["volume", "metrics"] },
    packages: [/^onnxruntime-/],
  },
  {
    room: "process",
    is: "supervised child processes: start, wire, watch, restart",
    flow: "calls → replies, events",
    packages: [/^@opentelemetry\/api$/],
    ignorant: { of: "what the processes do", rooms: ["graph", "volume", "metrics", "tensor"] },
  },
  {
    room: "graph",
    is: "the compiler: IR, import, operators, autodiff, lowering, schedule, writing, float64 reference",
    flow: "graphs → graphs",
    folders: ["read", "lower", "schedule", "write", "reference", ".", "build", "ops", "ir"],
    packages: [/^(onnx-buf|@bufbuild\/protobuf)(\/|$)/],
  },
  {
    room: "volume",
    is: "arrays on grids: file formats, orientation, resampling, intensities, the way back, pictures",
    flow: "files ↔ arrays on grids",
    folders: [".", "registration", "foreground", "formats", "sampling", "grid"],
    base: ["intensity.ts"],
    ignorant: { of: "everything but volumes", rooms: ["metrics", "storage"] },
    packages: [/^nifti-reader-js(\/|$)/],
  },
  {
    room: "metrics",
    is: "Dice, HD95, volumes, lesions, ACC, AUC, F1, calibration, intervals",
    flow: "masks → numbers",
  },
  {
    room: "audit",
    is: "who did what: an append-only chain of events, its proof, its export and its way to a receiver",
    flow: "events → rows, audit messages",
    ignorant: { of: "requests and patients", rooms: ["tensor"] },
  },
  {
    room: "identity",
    is: "who calls: identities and roles, tokens, logins, projects, quotas",
    flow: "proofs → identities, permissions",
    base: ["types.ts"],
    doors: ["types.ts"],
    packages: [/^(jose|openid-client)$/],
    ignorant: { of: "what the objects are", rooms: ["tensor"] },
  },
  {
    room: "storage",
    is: "database and migrations, backups, whole-file writing, locks, zip, refusals with stable codes",
    flow: "rows and bytes ↔ disk",
    folders: [".", "backup", "database", "zip", "files"],
    base: ["errors.ts"],
    packages: [/^(pg|@electric-sql\/pglite)(\/|$)/],
  },
  {
    room: "tensor",
    is: "element types, tensors, n-d arrays, seeded random numbers, tensors as weight files store them",
    flow: "numbers ↔ bytes",
    doors: ["tensor.ts", "ndarray.ts"],
  },
];

/** The table of rooms as ARCHITECTURE.md shows it. */
export function houseTable(): string {
  const rows = HOUSE.map(({ room, folders, is, flow, ignorant }) => [
    `\`${room}/\``,
    (folders ?? []).filter((f) => f !== ".").map((f) => `\`${f}\``).join(" "),
    is,
    flow,
    ignorant?.of ?? "",
  ]);
  const head = ["room", "folders, top down", "what it does", "in, out", "must not know"];
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
