/** The files below a folder, as layouts see them. */

/** Deepest folder that is looked into. */
const MAX_DEPTH = 8;

/** Paths relative to `root`, with `/`. */
export async function* walkFiles(root: string, folder = "", depth = 0): AsyncGenerator<string> {
  if (depth > MAX_DEPTH) return;
  for await (const entry of Deno.readDir(`${root}/${folder}`)) {
    const path = folder + entry.name;
    if (entry.isDirectory) yield* walkFiles(root, `${path}/`, depth + 1);
    else if (entry.isFile || await isFile(`${root}/${path}`)) yield path;
  }
}

/** A link to a file counts: people lay out data sets with links. */
async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((s) => s.isFile, () => false);
}
