/** The command line of a supervised child: what it may touch, and how much memory it may take. */
import { dirname, join } from "node:path";

/** What a child may do: nothing but read its own modules, where a list is empty. */
export interface Confinement {
  /** Files and folders that it may read, beside the program's own; "all": whatever the user may who started it. */
  readonly reads: readonly string[] | "all";
  /** Files and folders that it may write. */
  readonly writes: readonly string[];
  /** It may load native libraries, which may do whatever the user may. */
  readonly native?: boolean;
  /** Variables that its packages ask for, beside those of every child; "all": each that it was started with. */
  readonly variables?: readonly string[] | "all";
  /** Facts about the machine that it may ask for, beside those of every child: names of `--allow-sys`. */
  readonly facts?: readonly string[];
  /** Memory that its work may take, bytes: the system refuses more, and the child ends. Default: no bound. */
  readonly memoryBytes?: number;
}

export interface CommandOptions {
  /** The module to run. */
  readonly module: string;
  /** Flags of V8 in the child. */
  readonly v8Flags?: readonly string[];
  /** Environment variables beside the inherited ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: nothing. Never the network or other programs: what a child needs of them, it asks its parent for. */
  readonly confinement?: Confinement;
}

/** Writable memory that an idle runtime claims and hardly uses: stacks of threads, heaps of V8. */
const RUNTIME_BYTES = 2 ** 30;

/** The program's folders: a child reads its own modules, and packages that find their files while they run. */
const SOURCES = dirname(import.meta.dirname!);
const PROGRAM = [SOURCES, ...["node_modules", "deno.json"].map((name) => join(dirname(SOURCES), name))];

/** Variables of readers of strangers' files: without them the runtime finds neither its cache nor a temporary folder. */
const KEPT_VARIABLES = /^(HOME|PATH|TMPDIR|DENO_DIR|XDG_CACHE_HOME|SULCUS_WORK_\w+)$/;

/**
 * What modules of every child ask for while they load, whether it is there or not: a refusal would end the child. Measured
 * by `DENO_AUDIT_PERMISSIONS`: two by the client of PostgreSQL, and the budget of work with its default.
 */
const ASKED_VARIABLES = ["USER", "NODE_PG_FORCE_NATIVE", "SULCUS_WORK_*"];
const ASKED_FACTS = ["systemMemoryInfo"];

/** Variables that runtimes, drivers and traces read. Addresses, passwords and tokens of the service are none of them. */
const WORKERS_VARIABLE =
  /^(HOME|USER|PATH|TMPDIR|TEMP|TMP|TZ|LANG|LC_\w+|XDG_\w+|DENO_(DIR|NO_\w+|V8_FLAGS)|LD_LIBRARY_PATH|DYLD_\w+|(CUDA|NVIDIA|OMP|ORT|VK|MESA|DRI|OTEL)_\w+|SULCUS_(CUDA_)?PRECISION|SYSTEMROOT|WINDIR|APPDATA|LOCALAPPDATA|USERPROFILE)$/i;

/**
 * What libraries print in a child may hold paths: Deno must not send it to the receiver of traces. ONNX Runtime would send
 * facts about the machine and its models to its vendor, and keep them in files.
 */
const UNSENT = { OTEL_DENO_CONSOLE: "ignore", ORT_DISABLE_TELEMETRY: "1" };

/**
 * Without native code nobody can ask the C library to return its free blocks: it takes blocks from this size from the
 * system, and returns them at once.
 */
const TRIMMED = { MALLOC_MMAP_THRESHOLD_: String(2 ** 20) };

export function commandOf(
  { module, v8Flags = [], env = {}, confinement = { reads: [], writes: [] } }: CommandOptions,
): Deno.Command {
  const { memoryBytes, native } = confinement;
  const isKept = memoryBytes === undefined
    ? (name: string) => WORKERS_VARIABLE.test(name)
    : (name: string) => KEPT_VARIABLES.test(name);
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) => isKept(name));
  const options = {
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), ...UNSENT, ...(native ? {} : TRIMMED), ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  } as const;
  const heap = memoryBytes === undefined ? [] : [`--max-old-space-size=${Math.ceil(0.75 * memoryBytes / 2 ** 20)}`];
  const flags = [...v8Flags, ...heap];
  const v8 = flags.length === 0 ? [] : [`--v8-flags=${flags.join(",")}`];
  const args = ["run", ...permissionsOf(confinement), "--quiet", ...v8, module];
  if (memoryBytes === undefined || Deno.build.os === "windows") {
    return new Deno.Command(Deno.execPath(), { args, ...options });
  }
  // The shell replaces itself by the runtime. A lower limit that the system has set already stays.
  const limited = 'ulimit -c 0; ulimit -d "$0" 2>/dev/null; exec "$@"';
  const kib = String(Math.ceil((memoryBytes + RUNTIME_BYTES) / 1024));
  return new Deno.Command("/bin/sh", { args: ["-c", limited, kib, Deno.execPath(), ...args], ...options });
}

/** Files, variables and facts about the machine only where they are named. */
function permissionsOf({ reads, writes, native, variables = [], facts = [] }: Confinement): string[] {
  const list = (paths: readonly string[]) => shortened(paths.map(withoutComma)).join(",");
  const writing = writes.length === 0 ? [] : [`--allow-write=${list(writes)}`];
  const reading = reads === "all" ? "--allow-read" : `--allow-read=${list([...PROGRAM, ...reads, ...writes])}`;
  const asking = variables === "all" ? "--allow-env" : `--allow-env=${[...ASKED_VARIABLES, ...variables].join(",")}`;
  const knowing = `--allow-sys=${[...ASKED_FACTS, ...facts].join(",")}`;
  return [reading, ...writing, ...(native ? ["--allow-ffi"] : []), asking, knowing, "--no-prompt"];
}

/** Commas separate the paths of a flag: in the place of a path with one stands the folder above it. */
function withoutComma(path: string): string {
  return path.includes(",") ? withoutComma(dirname(path)) : path;
}

/** Longest list of paths: Linux takes arguments of 128 KiB. */
const MAX_LIST = 2 ** 16;

/** The paths each once, or the folders above them where the list would be too long. */
function shortened(paths: readonly string[]): readonly string[] {
  const each = [...new Set(paths)];
  const isLong = each.reduce((sum, path) => sum + path.length + 1, 0) > MAX_LIST;
  return isLong ? shortened(each.map((path) => dirname(path))) : each;
}
