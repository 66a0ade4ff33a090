/** What a service holds at a moment: memory and open files as Linux counts them, and what lies in its folders. */

export interface Standing {
  /** Of the server's process. */
  readonly rssMb: number;
  /** Of its children and theirs. */
  readonly childrenMb: number;
  readonly children: number;
  /** Open files of the server by kind, without the pipes to its children. */
  readonly handles: Readonly<Record<HandleKind, number>>;
}

/** Of `tables` the embedded database opens each when it needs it first: their number says nothing of lost handles. */
type HandleKind = "sockets" | "pipes" | "files" | "tables" | "others";

const TABLE = /\/(base\/\d+|global)\/\d+(_\w+)?(\.\d+)?$/;

const PIPES_PER_CHILD = 3;

export function standing(pid: number): Standing {
  const rssMb = (of: number) => {
    const status = textOf(`/proc/${of}/status`);
    return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
  };
  const own = childrenOf(pid), all = descendantsOf(pid);
  const handles = { sockets: 0, pipes: -PIPES_PER_CHILD * own.length, files: 0, tables: 0, others: 0 };
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) handles[kindOf(`/proc/${pid}/fd/${name}`)]++;
  return {
    rssMb: rssMb(pid),
    childrenMb: all.reduce((sum, child) => sum + rssMb(child), 0),
    children: all.length,
    handles,
  };
}

function kindOf(path: string): HandleKind {
  try {
    const target = Deno.readLinkSync(path);
    if (target.startsWith("/")) return TABLE.test(target) ? "tables" : "files";
    return target.startsWith("socket:") ? "sockets" : target.startsWith("pipe:") ? "pipes" : "others";
  } catch {
    return "others"; // closed meanwhile
  }
}

/** Processes that it started, and those that these started. */
export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** None where the process has ended meanwhile. */
function childrenOf(pid: number): number[] {
  const tasks = ifThere(() => [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name)) ?? [];
  return tasks.flatMap((task) => textOf(`/proc/${pid}/task/${task}/children`).split(" ").filter(Boolean).map(Number));
}

/** What a child does: the module that it runs, `worker` or `_child`. */
export function roleOf(pid: number): string {
  return /([\w-]+)\.ts/.exec(textOf(`/proc/${pid}/cmdline`))?.[1] ?? "";
}

/** Empty where the process has ended meanwhile. */
function textOf(path: string): string {
  return ifThere(() => Deno.readTextFileSync(path)) ?? "";
}

/** What is read of a process; undefined where that has ended meanwhile. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || /os error 3\b/.test(String(error))) return undefined;
    throw error;
  }
}

/** Paths below a folder, relative to it: files, and folders that are empty. */
export function left(folder: string): string[] {
  const entries = [...Deno.readDirSync(folder)];
  return entries.flatMap(({ name, isDirectory }) => {
    if (!isDirectory) return [name];
    const below = left(`${folder}/${name}`);
    return below.length === 0 ? [`${name}/`] : below.map((path) => `${name}/${path}`);
  });
}
