/** Paths as layouts compare them, whatever system wrote them. */
import { invalidDataset } from "../spec.ts";

/**
 * The visible paths with `/` and in Unicode's composed form (NFC), each with the path as it is written. macOS decomposes
 * names, and Windows writes `\`: a name is the same in both forms.
 * @throws {DomainError} `invalid-dataset` two files have the same name
 */
export function tidyPaths(paths: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const path of paths) {
    const tidy = path.replaceAll("\\", "/").normalize("NFC");
    if (!isVisible(tidy)) continue;
    if (found.has(tidy)) throw invalidDataset("two files have the same name, written in two ways");
    found.set(tidy, path);
  }
  return found;
}

/** False for files that systems hide or add, such as `.DS_Store` and `__MACOSX/`. */
function isVisible(path: string): boolean {
  return path.split("/").every((part) => !part.startsWith(".") && part !== "__MACOSX");
}
