/** The edition of the checks, so that no verdict of another program is taken for one of this. Made of the files that check. */
import { createHash } from "node:crypto";
import project from "../../../deno.json" with { type: "json" };

/** Folders whose files decide verdicts; the geometry below them changes with the program's version. */
const FOLDERS = [".", "../patients", "../../inference/checks"].map((path) => new URL(`${path}/`, import.meta.url));

/** sha256 over the program's version and the sources of the checks. */
export async function editionOf(folders: readonly URL[], version: string): Promise<string> {
  const hash = createHash("sha256").update(version);
  for (const folder of folders) {
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    for (const name of names.filter((name) => /(?<!_test)\.ts$/.test(name)).sort()) {
      hash.update(`\n${name}\n`).update(await Deno.readFile(new URL(name, folder)));
    }
  }
  return hash.digest("hex");
}

/** The edition of this program's checks. */
export function checksEdition(): Promise<string> {
  return editionOf(FOLDERS, project.version);
}
