/**
 * Checks that imports respect the rooms of `src/`: arrows point downwards, a room stays ignorant of what it must not
 * know, another room is entered through its `mod.ts`, and files form no cycle. Not a linter of anything else.
 * Reads text, not syntax trees: it relies on `deno fmt` putting `import` and `export` at the start of a line.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";

/** The rooms from top to bottom: a file may import from its own room and those after it. */
export const ROOMS = [
  "cli",
  "server",
  "jobs",
  "registry",
  "train",
  "inference",
  "nets",
  "engine",
  "graph",
  "volume",
  "metrics",
] as const;
export type Room = typeof ROOMS[number];

/** Packages that only these rooms may import. */
const OWNED: readonly { readonly packages: RegExp; readonly rooms: readonly Room[] }[] = [
  { packages: /^onnxruntime-/, rooms: ["engine"] },
  { packages: /^(onnx-buf|@bufbuild\/protobuf)(\/|$)/, rooms: ["engine", "graph"] },
  { packages: /^(hono|@hono\/[^/]+|@fastify\/busboy)(\/|$)/, rooms: ["server"] },
  { packages: /^node:https?2?$/, rooms: ["server", "cli"] },
  { packages: /^nifti-reader-js(\/|$)/, rooms: ["volume"] },
];

/** Rooms further down that a room may nevertheless not import, and what it therefore stays ignorant of. */
const IGNORANT: Partial<Record<Room, { readonly of: string; readonly rooms: readonly Room[] }>> = {
  cli: { of: "tensors", rooms: ["graph"] },
  server: { of: "tensors and ONNX", rooms: ["graph"] },
  nets: { of: "data and providers", rooms: ["engine", "volume"] },
  engine: { of: "medicine", rooms: ["volume", "metrics"] },
  volume: { of: "everything but volumes", rooms: ["metrics"] },
};

/** Files besides `mod.ts` through which a room may be entered: the interfaces between rooms. */
const INTERFACES: ReadonlySet<string> = new Set([
  "src/graph/tensor.ts",
  "src/engine/engine.ts",
  "src/inference/spec.ts",
  "src/inference/types.ts",
  "src/train/types.ts",
  "src/registry/types.ts",
  "src/jobs/types.ts",
]);

/** One import; `kind` is "url" where a file is only named, as for a worker or a child process. */
export interface Import {
  readonly specifier: string;
  readonly kind: "value" | "type" | "url";
}

/** Every import of a formatted source file: static, re-exported, dynamic, and files named for `import.meta`. */
export function importsOf(source: string): Import[] {
  const code = source.replace(/^\s*(\/\/|\/?\*).*$/gm, "");
  const found: Import[] = [];
  for (const [, keyword, type, clause, specifier] of code.matchAll(STATIC)) {
    if (keyword === "export" && clause === undefined) continue;
    const names = /^\{([^}]*)\}\s*from\s*$/.exec(clause?.trim() ?? "")?.[1].split(",").map((n) => n.trim());
    const onlyTypes = type !== undefined || (names?.every((n) => n === "" || n.startsWith("type ")) ?? false);
    found.push({ specifier, kind: onlyTypes ? "type" : "value" });
  }
  for (const [, specifier] of code.matchAll(/\bimport\(\s*"([^"]+)"/g)) found.push({ specifier, kind: "value" });
  for (const [, specifier] of code.matchAll(NAMED)) found.push({ specifier, kind: "url" });
  return found;
}
const STATIC = /^(import|export)\s+(type\s+)?((?:[\w*{][^"';]*?\s)?from\s+)?"([^"]+)"/gm;
const NAMED = /(?:\bnew URL|\bimport\.meta\.resolve)\(\s*"([^"]+)"/g;

/**
 * What is wrong with the imports of `files` (path from the project's root → text), a line each; empty when all is well.
 * Only files under `src/` are held to the rules; a test there may also import from `scripts/` and `tests/`.
 */
export function checkArrows(files: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const edges = new Map<string, string[]>();
  for (const [path, text] of files) {
    const room = roomOf(path);
    if (!path.startsWith("src/")) continue;
    if (room === undefined) {
      problems.push(`${path}: expected a file in one of the rooms ${ROOMS.join(", ")}`);
      continue;
    }
    const values: string[] = [];
    for (const { specifier, kind } of importsOf(text)) {
      const target = specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : undefined;
      const wrong = target === undefined ? wrongPackage(room, specifier) : wrongFile(path, room, target, files);
      if (wrong !== undefined) problems.push(`${path}: imports "${specifier}": ${wrong}`);
      if (target !== undefined && kind === "value") values.push(target);
    }
    edges.set(path, values);
  }
  for (const cycle of findCycles(edges)) {
    problems.push(`${cycle[0]}: imports "${cycle[1]}": a cycle ${cycle.join(" → ")}`);
  }
  return problems;
}

function wrongPackage(room: Room, specifier: string): string | undefined {
  const bare = specifier.replace(/^npm:/, "");
  const owned = OWNED.find(({ packages, rooms }) => packages.test(bare) && !rooms.includes(room));
  return owned && `only ${owned.rooms.map((r) => `${r}/`).join(" and ")} may import it`;
}

function wrongFile(path: string, room: Room, target: string, files: ReadonlyMap<string, string>): string | undefined {
  const test = isTest(path);
  if (!target.startsWith("src/")) {
    const allowed = test ? /^(scripts|tests)\// : /^deno\.json$/;
    return allowed.test(target) ? undefined : "src/ may not import from outside src/";
  }
  const other = roomOf(target);
  if (other === undefined || other === room) return undefined;
  if (ROOMS.indexOf(other) < ROOMS.indexOf(room)) return `the arrow from ${room}/ to ${other}/ points upwards`;
  const ignorant = IGNORANT[room];
  if (ignorant?.rooms.includes(other)) return `${room}/ must not know ${ignorant.of}, so not ${other}/`;
  const door = `src/${other}/mod.ts`;
  if (!test && target !== door && !INTERFACES.has(target) && files.has(door)) return `${other}/ is entered by ${door}`;
  return undefined;
}

function roomOf(path: string): Room | undefined {
  return ROOMS.find((room) => path.startsWith(`src/${room}/`));
}

function isTest(path: string): boolean {
  return /(_test|_test_helpers|_cases)\.tsx?$/.test(path);
}

/** One cycle for every edge that closes one in a depth-first walk; each begins and ends with the same file. */
export function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (file: string) => {
    const at = trail.indexOf(file);
    if (at >= 0) return void cycles.push([...trail.slice(at), file]);
    if (done.has(file)) return;
    trail.push(file);
    edges.get(file)?.forEach(visit);
    trail.pop();
    done.add(file);
  };
  [...edges.keys()].forEach(visit);
  return cycles;
}

/** The TypeScript files below `folder` of `root`: path from `root` → text. */
export function readSources(root: string, folder = "src"): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) { for (const [p, text] of readSources(root, path)) files.set(p, text); }
    else if (/\.tsx?$/.test(entry.name)) files.set(path, readFileSync(join(root, path), "utf8"));
  }
  return files;
}

if (import.meta.main) {
  const files = readSources(join(import.meta.dirname ?? ".", ".."));
  const problems = checkArrows(files);
  problems.forEach((problem) => console.error(problem));
  console.log(`arrows: ${files.size} files, ${problems.length} problems`);
  Deno.exit(problems.length === 0 ? 0 : 1);
}
