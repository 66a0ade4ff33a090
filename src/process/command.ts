/** The command line of a supervised child: what it may touch, and how much memory it may take. */
import { dirname } from "node:path";

/** What a child may do that reads files of strangers. */
export interface Confinement {
  /** Files and folders that it may read, beside the program's own; "all": whatever the user may who started it. */
  readonly reads: readonly string[] | "all";
  /** Files and folders that it may write. */
  readonly writes: readonly string[];
  /** Memory that its work may take, bytes. The system refuses more, and the child ends. */
  readonly memoryBytes: number;
}

export interface CommandOptions {
  /** The module to run. */
  readonly module: string;
  /** Flags of V8 in the child. */
  readonly v8Flags?: readonly string[];
  /** Environment variables beside the inherited ones. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Default: a worker. It may do what its parent may, because Deno gives shared memory and the system's figures of memory
   * only to those with all permissions, but it gets none of the parent's secrets.
   */
  readonly confinement?: Confinement;
}

/** Writable memory that an idle runtime claims and hardly uses: stacks of threads, heaps of V8. */
const RUNTIME_BYTES = 2 ** 30;

/** The program's folder: a confined child reads its own modules. */
const SOURCES = dirname(import.meta.dirname!);

/** Variables without which the runtime finds neither its cache nor a temporary folder. */
const KEPT_VARIABLES = ["HOME", "PATH", "TMPDIR", "DENO_DIR", "XDG_CACHE_HOME"];

/** Variables that runtimes, drivers and traces read. Addresses, passwords and tokens of the service are none of them. */
const WORKERS_VARIABLE =
  /^(HOME|USER|PATH|TMPDIR|TEMP|TMP|TZ|LANG|LC_\w+|XDG_\w+|DENO_(DIR|NO_\w+|V8_FLAGS)|LD_LIBRARY_PATH|DYLD_\w+|(CUDA|NVIDIA|OMP|ORT|VK|MESA|DRI|OTEL)_\w+|SULCUS_CUDA_PRECISION|SYSTEMROOT|WINDIR|APPDATA|LOCALAPPDATA|USERPROFILE)$/i;

/** What libraries print in a child may hold paths: Deno must not send it to the receiver of traces. */
const UNSENT = { OTEL_DENO_CONSOLE: "ignore" };

export function commandOf({ module, v8Flags = [], env = {}, confinement }: CommandOptions): Deno.Command {
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const start = (permissions: readonly string[], flags: readonly string[]) => {
    const v8 = flags.length === 0 ? [] : [`--v8-flags=${flags.join(",")}`];
    return ["run", ...permissions, "--quiet", ...v8, module];
  };
  if (confinement === undefined) {
    const inherited = Object.entries(Deno.env.toObject()).filter(([name]) => WORKERS_VARIABLE.test(name));
    const own = { clearEnv: true, env: { ...Object.fromEntries(inherited), ...UNSENT, ...env } };
    return new Deno.Command(Deno.execPath(), { args: start(["-A"], v8Flags), ...own, ...piped });
  }
  const { memoryBytes } = confinement;
  const heap = `--max-old-space-size=${Math.ceil(0.75 * memoryBytes / 2 ** 20)}`;
  const args = start(permissionsOf(confinement), [...v8Flags, heap]);
  const kept = KEPT_VARIABLES.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const options = { clearEnv: true, env: { ...Object.fromEntries(kept), ...env }, ...piped };
  if (Deno.build.os === "windows") return new Deno.Command(Deno.execPath(), { args, ...options });
  // The shell replaces itself by the runtime. A lower limit that the system has set already stays.
  const limited = 'ulimit -c 0; ulimit -d "$0" 2>/dev/null; exec "$@"';
  const kib = String(Math.ceil((memoryBytes + RUNTIME_BYTES) / 1024));
  return new Deno.Command("/bin/sh", { args: ["-c", limited, kib, Deno.execPath(), ...args], ...options });
}

/** No network, no programs, no native code; files only where they are named. */
function permissionsOf({ reads, writes }: Confinement): string[] {
  const list = (paths: readonly string[]) => shortened(paths.map(withoutComma)).join(",");
  const writing = writes.length === 0 ? [] : [`--allow-write=${list(writes)}`];
  const reading = reads === "all" ? "--allow-read" : `--allow-read=${list([SOURCES, ...reads, ...writes])}`;
  return [reading, ...writing, "--allow-env", "--allow-sys", "--no-prompt"];
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
