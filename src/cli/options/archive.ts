/** Archives among the files of a command line. */
import { givenInstead, isVolumeStart, VOLUME_START_BYTES } from "../../volume/mod.ts";
import { CommandError } from "../terminal/errors.ts";

/** Refuses a file that is no zip, by its first bytes; `expected` says what to give instead. @throws {CommandError} */
export async function checkZip(path: string, { flag, expected }: { flag: string; expected: string }): Promise<void> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(VOLUME_START_BYTES);
  const start = buffer.subarray(0, await file.read(buffer) ?? 0);
  if (start[0] === 0x50 && start[1] === 0x4b) return; // "PK"
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  const got = isGzip ? "a gzipped file" : isVolumeStart(start) ? "a single image" : givenInstead(start);
  throw new CommandError("invalid-archive", `Cannot read ${flag}: expected ${expected}, got ${got}`);
}
