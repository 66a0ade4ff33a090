/** Removes what a crash or a lost connection left behind: by age, since younger files may be on their way. */

export interface SweepOptions {
  /** Files and folders that changed after this time stay, in ms since 1970. */
  readonly before: number;
  /** Which files nobody will miss, by their path below the root. Default: files that were being written. */
  readonly isOrphan?: (path: string) => boolean;
}

/** Names of files and folders that are being written: those of `writeWhole`, of stagings, and of volumes. */
const TEMPORARY = /(^|\/)(\.tmp-[^/]+|\.[0-9a-f-]{36}\.tmp|[^/]+\.tmp|\.writable-[^/]+)$/;

export function isTemporary(path: string): boolean {
  return TEMPORARY.test(path);
}

/** Removes orphaned files and empty folders below a folder that are old enough; returns how many. An absent folder has none. */
export async function sweepFolder(root: string, { before, isOrphan = isTemporary }: SweepOptions): Promise<number> {
  let removed = 0;
  const walk = async (below: string): Promise<boolean> => {
    let isEmpty = true;
    for (const { name, isDirectory } of await entriesOf(`${root}/${below}`)) {
      const path = below === "" ? name : `${below}/${name}`;
      const isGone = isDirectory
        ? (!isTemporary(path) && !await walk(path)) ? false : await removeOld(`${root}/${path}`, before)
        : isOrphan(path) && await removeOld(`${root}/${path}`, before);
      if (isGone) removed++;
      else isEmpty = false;
    }
    return isEmpty;
  };
  await walk("");
  return removed;
}

async function entriesOf(folder: string): Promise<Deno.DirEntry[]> {
  return await Array.fromAsync(Deno.readDir(folder)).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  });
}

async function removeOld(path: string, before: number): Promise<boolean> {
  const { mtime } = await Deno.stat(path);
  if ((mtime?.getTime() ?? 0) > before) return false;
  await Deno.remove(path, { recursive: true });
  return true;
}
