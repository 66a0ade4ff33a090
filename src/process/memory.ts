/**
 * How a process and its system deal with memory that runs short; each does nothing where the system has no such means.
 * Deno shows the files of `/proc` to those with all permissions alone: children ask their parent.
 */
/** Returns the number of processes that Linux has killed so far because memory ran out; 0 elsewhere. */
export function memoryKills(): number {
  try {
    return Number(Deno.readTextFileSync("/proc/vmstat").match(/^oom_kill (\d+)$/m)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Returns the most memory that a process has held so far (resident set), bytes; 0 on other systems than Linux. */
export function peakBytesOf(pid: number | "self"): number {
  try {
    return 1024 * Number(Deno.readTextFileSync(`/proc/${pid}/status`).match(/^VmHWM:\s+(\d+) kB/m)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Lets {@link peakBytesOf} a process begin anew at what it holds now. */
export function forgetPeakOf(pid: number | "self"): void {
  try {
    Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch { /* not Linux, or not allowed: the peak stays that of the process's life */ }
}

/** Asks Linux to kill a child rather than this process when memory runs out. */
export function offerToOomKiller(pid: number): void {
  try {
    Deno.writeTextFileSync(`/proc/${pid}/oom_score_adj`, "500");
  } catch { /* not Linux, or it has ended: the default order stays */ }
}

/** The threads of a process on Linux; elsewhere none are known. */
export function threadsOf(pid: number): number[] {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => Number(name));
  } catch {
    return [];
  }
}

/**
 * Returns to the system what this process holds and nobody uses: V8's garbage (`--expose-gc`), then glibc's free
 * blocks, where native code is allowed.
 */
export function giveBackMemory(): void {
  (globalThis as { gc?: () => void }).gc?.();
  if (Deno.build.os !== "linux") return;
  try {
    const glibc = Deno.dlopen("libc.so.6", { malloc_trim: { parameters: ["usize"], result: "i32" } });
    glibc.symbols.malloc_trim(0n);
    glibc.close();
  } catch { /* another C library, or no native code: large blocks went back at once */ }
}
