/**
 * One holder of a folder at a time, by a lock of the operating system on a file in it. The system releases the lock when
 * the holder's process ends in any way, so no stale lock is left.
 */
import { DomainError } from "../errors.ts";

/** Held until `release()` or the end of the process. */
export interface Lock {
  release(): void;
}

/**
 * Takes the lock file at `path`, trying for up to `waitMs`. `what` names the locked thing in the error.
 * @throws {DomainError} `locked`, with the holder's process id
 */
export async function acquireLock(
  path: string,
  { what, waitMs = 0 }: { what: string; waitMs?: number },
): Promise<Lock> {
  const file = await Deno.open(path, { create: true, read: true, write: true });
  try {
    for (const until = Date.now() + waitMs; !(await file.tryLock(true));) {
      if (Date.now() >= until) {
        const holder = (await Deno.readTextFile(path)).trim();
        throw new DomainError("locked", `Cannot use ${what}: process ${holder || "(unknown)"} has it open`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await file.truncate();
    await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
  } catch (error) {
    file.close();
    throw error;
  }
  return { release: () => file.close() };
}
