/** Files that are whole or absent: temporary file, fsync, rename. */
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { randomUUID } from "node:crypto";

/** Replaces `path` by `parts`, one behind the other. */
export async function writeWhole(path: string, ...parts: readonly (Uint8Array | string)[]): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  const file = await open(temporary, "wx");
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
