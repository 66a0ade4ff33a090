/** The commit that the program was made of, for `GET /version` and the metrics. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Io } from "../terminal/io.ts";

/** The project's folder. */
const PROJECT = resolve(import.meta.dirname!, "../../..");

/**
 * `SULCUS_COMMIT`, which the image sets when it is built, else the commit that is checked out in the project's folder;
 * undefined where there is neither.
 */
export async function commitOf({ SULCUS_COMMIT }: Io["env"], project = PROJECT): Promise<string | undefined> {
  // The image's build argument is "unknown" where nobody gives it.
  return SULCUS_COMMIT && SULCUS_COMMIT !== "unknown" ? SULCUS_COMMIT : await checkedOut(project);
}

/** Reads `.git`, so that it needs no program git. */
async function checkedOut(project: string): Promise<string | undefined> {
  let folder = resolve(project, ".git");
  // In a linked working tree `.git` is a file that names the folder, and branches lie in the main one.
  const link = /^gitdir: (.+)$/m.exec(await textOf(folder) ?? "")?.[1];
  if (link !== undefined) folder = resolve(project, link);
  const shared = resolve(folder, (await textOf(`${folder}/commondir`))?.trim() ?? ".");
  const head = (await textOf(`${folder}/HEAD`))?.trim() ?? "";
  const branch = /^ref: (refs\/.+)$/.exec(head)?.[1];
  if (branch === undefined) return hashIn(head);
  return hashIn(await textOf(`${shared}/${branch}`)) ?? packed(await textOf(`${shared}/packed-refs`) ?? "", branch);
}

function packed(refs: string, branch: string): string | undefined {
  return hashIn(refs.split("\n").find((line) => line.endsWith(` ${branch}`)));
}

function hashIn(text: string | undefined): string | undefined {
  return /^([0-9a-f]{40}|[0-9a-f]{64})(?=\s|$)/.exec(text ?? "")?.[0];
}

async function textOf(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch(() => undefined);
}
