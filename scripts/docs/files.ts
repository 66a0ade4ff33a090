/** The repository's own texts, for the checks of documents. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname!, "../..");

/** Every file below `folder` whose name ends in one of `endings`: path from the repository's root → text. */
export function texts(folder: string, endings: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !endings.some((ending) => entry.name.endsWith(ending))) continue;
    const path = join(entry.parentPath, entry.name);
    found.set(path.slice(ROOT.length + 1), readFileSync(path, "utf8"));
  }
  return found;
}

/** The documents that people read: those at the root, and `docs/`. */
export function documents(): Map<string, string> {
  const root = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  return new Map([
    ...root.map((name) => [name, readFileSync(join(ROOT, name), "utf8")] as const),
    ...texts("docs", [".md"]),
  ]);
}
