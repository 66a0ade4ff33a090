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
