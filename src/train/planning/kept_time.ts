/** Durations and decisions of a job in its work folder, so that a resumed run keeps its updates and its trajectory. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../../storage/mod.ts";

/** What `found` returned the first time for this name and key. */
export async function kept<T>(
  directory: string,
  { name, key }: { readonly name: string; readonly key: string },
  found: () => Promise<T>,
): Promise<T> {
  const path = join(directory, `${name}.json`);
  const text = await readFile(path, "utf8").catch(() => null);
  const file: { key: string; value: T } | null = text === null ? null : JSON.parse(text);
  if (file?.key === key) return file.value;
  const value = await found();
  await mkdir(directory, { recursive: true });
  await writeWhole(path, JSON.stringify({ key, value }));
  return value;
}
