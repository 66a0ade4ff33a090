/** True while a process runs. On Linux a zombie, whose status nobody has read, counts as ended. */
export function lives(pid: number): boolean {
  try {
    if (Deno.build.os === "linux") return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

/** The file that lists the children of this thread, on Linux: of all, the one that lists a child just started. */
let listing: string | undefined;
function findListing(): string {
  const probe = new Deno.Command("sleep", { args: ["60"], stdin: "null", stdout: "null", stderr: "null" }).spawn();
  try {
    const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => `/proc/self/task/${name}/children`);
    const found = threads.find((path) => Deno.readTextFileSync(path).split(" ").includes(String(probe.pid)));
    if (found === undefined) throw new Error("Cannot find the thread of this program: none lists the child it started");
    return found;
  } finally {
    probe.kill("SIGKILL");
  }
}

/**
 * The living children of this thread, on Linux. Test files that run in parallel are threads of one process: what the
 * others have started is not theirs to count, nor to kill.
 */
export function children(): number[] {
  listing ??= findListing();
  return Deno.readTextFileSync(listing).split(" ").filter((pid) => pid !== "").map(Number).filter(lives);
}
