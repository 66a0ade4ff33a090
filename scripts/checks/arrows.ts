/**
 * Checks that imports respect the rooms of `src/` as `house.ts` lists them: arrows point downwards, between rooms and
 * between the folders of a room; a room stays ignorant of what it must not know; another room is entered through its
 * `mod.ts`; files form no cycle. Not a linter of anything else.
 * Reads text, not syntax trees: it relies on `deno fmt` putting `import` and `export` at the start of a line.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path/posix";
import { HOUSE, type RoomRules } from "./house.ts";

const ROOMS = HOUSE.map(({ room }) => room);

/** One import; its `kind` is "url" where code only names a file, as for a worker or a child process. */
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
 * Returns the wrong imports of `files` (path from the project's root → text), one line each.
 * The rules hold for files under `src/`. Tests, and files in a folder `testing`, may enter rooms anywhere and import from
 * `scripts/` and `tests/`.
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
    const folder = folderOf(path, room);
    if (room.folders && folder !== "testing" && folder !== undefined && !room.folders.includes(folder)) {
      problems.push(`${path}: expected a file in one of ${room.room}/'s folders ${room.folders.join(", ")}`);
    }
    const targets: string[] = [];
    for (const { specifier, kind } of importsOf(text)) {
      const target = specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : undefined;
      const wrong = target === undefined ? wrongPackage(room, specifier) : wrongFile(path, room, target, files);
      if (wrong !== undefined) problems.push(`${path}: imports "${specifier}": ${wrong}`);
      if (target !== undefined && kind !== "url") targets.push(target);
    }
    edges.set(path, targets);
  }
  for (const cycle of findCycles(edges)) {
    problems.push(`${cycle[0]}: imports "${cycle[1]}": a cycle ${cycle.join(" → ")}`);
  }
  return problems;
}

function wrongPackage(room: RoomRules, specifier: string): string | undefined {
  const bare = specifier.replace(/^npm:/, "");
  const owners = HOUSE.filter(({ packages }) => packages?.some((p) => p.test(bare)));
  if (owners.length === 0 || owners.includes(room)) return undefined;
  return `only ${owners.map((r) => `${r.room}/`).join(" and ")} may import it`;
}

function wrongFile(
  path: string,
  room: RoomRules,
  target: string,
  files: ReadonlyMap<string, string>,
): string | undefined {
  const test = isTest(path);
  if (!target.startsWith("src/")) {
    const allowed = test ? /^(scripts|tests)\// : /^deno\.json$/;
    return allowed.test(target) ? undefined : "src/ may not import from outside src/";
  }
  const other = roomOf(target);
  if (other === undefined) return undefined;
  if (!test && isTest(target)) return "only tests may import it";
  if (other === room) return test ? undefined : wrongFolder(path, room, target);
  if (HOUSE.indexOf(other) < HOUSE.indexOf(room)) {
    return `the arrow from ${room.room}/ to ${other.room}/ points upwards`;
  }
  if (!test && room.ignorant?.rooms.includes(other.room)) {
    return `${room.room}/ must not know ${room.ignorant.of}, so not ${other.room}/`;
  }
  const door = `src/${other.room}/mod.ts`;
  const doors = [door, ...(other.doors ?? []).map((file) => `src/${other.room}/${file}`)];
  if (!test && !doors.includes(target) && files.has(door)) return `${other.room}/ is entered by ${door}`;
  return undefined;
}

function wrongFolder(path: string, room: RoomRules, target: string): string | undefined {
  const { folders } = room;
  if (folders === undefined || basename(path) === "mod.ts") return undefined;
  const [from, to] = [folderOf(path, room), folderOf(target, room)];
  if (to === undefined || from === to) return undefined;
  if (from === undefined) return `it lies below the folders of ${room.room}/`;
  return folders.indexOf(from) < folders.indexOf(to)
    ? undefined
    : `the arrow from ${room.room}/${from} to ${room.room}/${to} points upwards`;
}

/** The folder of a room that a file lies in; `.`: the room itself; undefined: below all its folders. */
function folderOf(path: string, { room, base }: RoomRules): string | undefined {
  const [first, ...rest] = path.slice(`src/${room}/`.length).split("/");
  if (rest.length > 0) return first;
  return base?.includes(first) ? undefined : ".";
}

function roomOf(path: string): RoomRules | undefined {
  return HOUSE.find(({ room }) => path.startsWith(`src/${room}/`));
}

function isTest(path: string): boolean {
  return /_test\.tsx?$|\/(testing|cases)\//.test(path);
}

/** One cycle for each edge that closes one in a depth-first walk, from a file back to itself. */
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
  const files = readSources(join(import.meta.dirname ?? ".", "../.."));
  const problems = checkArrows(files);
  problems.forEach((problem) => console.error(problem));
  console.log(`arrows: ${files.size} files, ${problems.length} problems`);
  Deno.exit(problems.length === 0 ? 0 : 1);
}
