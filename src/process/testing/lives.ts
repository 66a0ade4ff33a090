/** Whether a process runs; on Linux one that has ended does not, even while nobody has asked how. */
export function lives(pid: number): boolean {
  try {
    if (Deno.build.os === "linux") return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}
