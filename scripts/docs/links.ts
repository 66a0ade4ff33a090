/** What documents point at: files that other documents link to, and files of the repository named in code marks. */
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { ROOT } from "./files.ts";

const exists = (path: string) => existsSync(join(ROOT, path));

/** Relative links of the document at `path` that lead nowhere. */
export function deadLinks(path: string, text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target.replace(/#.*/, ""));
  const relative = targets.filter((target) => target !== "" && !/^[a-z]+:/.test(target));
  return relative.filter((target) => !exists(normalize(join(dirname(path), target))));
}

/**
 * Files and folders in code marks, such as `src/graph/mod.ts` or a room's `graph/lower/`, that do not exist. Words with
 * placeholders (`src/ROOM/`), braces or wildcards are no paths.
 */
export function deadPaths(text: string, rooms: readonly string[]): string[] {
  const roots = ["src", "scripts", "tests", "docs", "models"];
  const named = [...text.matchAll(/`([a-z][\w.-]*\/[\w./-]*)`/g)].map(([, path]) => path);
  return named.filter((path) => {
    const first = path.split("/")[0];
    if (/[A-Z]{3,}\//.test(path)) return false;
    if (roots.includes(first)) return !exists(path);
    return rooms.includes(first) && !exists(join("src", path));
  });
}
