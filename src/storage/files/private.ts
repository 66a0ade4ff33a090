/** Files and folders that nobody but the service's own account may read: 0600 and 0700. */

const NOBODY_ELSE = 0o077;

/**
 * Keeps every file and folder private that this process and its children make from now on, until it is disposed of. The
 * mask of the system does it, so that no writer can forget it: the database's own files too.
 */
export function keepPrivate(): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]() {} };
  const former = Deno.umask(NOBODY_ELSE);
  return { [Symbol.dispose]: () => void Deno.umask(former) };
}

/** Takes the rights of others from every file and folder below one. */
export async function closeToOthers(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await closeToOthers(path);
    if (!isDirectory && !isFile) continue; // a link has no rights of its own
    const { mode } = await Deno.stat(path);
    if (((mode ?? 0) & NOBODY_ELSE) !== 0) await Deno.chmod(path, isDirectory ? 0o700 : 0o600);
  }
}

/** Makes a folder that nobody else may enter; one of an earlier version is closed. */
export async function privateFolder(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  if (Deno.build.os === "windows") return;
  const { mode } = await Deno.stat(path);
  if (((mode ?? 0) & NOBODY_ELSE) === 0) return;
  // A mounted volume may belong to another account, which then decides who enters.
  await Deno.chmod(path, 0o700).catch((error) => {
    if (!(error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable)) throw error;
  });
}
