/** The files that documents point at by links and in code marks. */
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { ROOT } from "../files.ts";

const exists = (path: string) => existsSync(join(ROOT, path));

/** Relative links of the document at `path` that lead nowhere. */
export function deadLinks(path: string, text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target.replace(/#.*/, ""));
  const relative = targets.filter((target) => target !== "" && !/^[a-z]+:/.test(target));
  return relative.filter((target) => !exists(normalize(join(dirname(path), target))));
}

/**
 * Files and folders in code marks that are none of `files` (paths from the root): `src/graph/mod.ts`, a room's
 * `graph/lower/`, or the end of a path, `lower/lists.ts`. Words with placeholders such as `src/ROOM/` are no paths.
 */
export function deadPaths(text: string, files: readonly string[]): string[] {
  const tops = new Set(files.flatMap((file) => file.split("/").slice(0, -1)));
  const named = [...text.matchAll(/`([a-z][\w.-]*\/[\w./-]*)`/g)].map(([, path]) => path);
  const isFile = (path: string) => files.some((file) => file === path || file.endsWith(`/${path}`));
  const isFolder = (path: string) => files.some((file) => `/${file}`.includes(`/${path}`));
  return named.filter((path) => {
    if (/[A-Z]{3,}\//.test(path)) return false;
    if (path.endsWith("/")) return tops.has(path.split("/")[0]) && !isFolder(path);
    return /\.(ts|py|sh)$/.test(path) && !isFile(path);
  });
}
