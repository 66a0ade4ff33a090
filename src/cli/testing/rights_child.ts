/**
 * Serves a data directory, backs it up and restores it in a process of its own, whose mask of rights no other test changes;
 * prints the files and folders that others may read, write or enter, as JSON.
 */
import assert from "node:assert/strict";
import { run } from "./cli.ts";
import { fill, serving } from "./service.ts";

async function openToOthers(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`, mode = (await Deno.stat(path)).mode! & 0o777;
    if (mode !== (isDirectory ? 0o700 : 0o600)) found.push(`${mode.toString(8)} ${path.slice(folder.length)}`);
    if (isDirectory) found.push(...await openToOthers(path));
  }
  return found;
}

const [folder] = Deno.args;
const [data, to, again] = ["data", "backups", "again"].map((name) => `${folder}/${name}`);
const server = await serving(data);
await fill(server.url);
const found = await openToOthers(folder);
assert.equal((await run(["backup", "--data", data, "--to", to])).code, 0);
await server.close();
assert.equal((await run(["restore", "--from", to, "--data", again])).code, 0);
await (await serving(again)).close();
console.log(JSON.stringify([...found, ...await openToOthers(folder)]));
