/**
 * A model package on disk: `<root>/<name>/<version>/` with `manifest.json` and the files that it lists. A package is
 * written once, whole or not at all, and read with its names and files checked. Knows no states and no database.
 */
import { basename, dirname } from "node:path";
import {
  digestFile,
  DomainError,
  exists,
  parseForeignJson,
  receiveFile,
  syncDirectory,
  writeWhole,
} from "../storage/mod.ts";
import { type Manifest, MANIFEST_FORMAT, type ManifestDraft, PACKAGE_FILE, parseManifest } from "./manifest.ts";

/** Largest `manifest.json`, bytes. */
export const MAX_MANIFEST_BYTES = 4 * 2 ** 20;

export function packageDirectory(root: string, name: string, version: number): string {
  return `${root}/${name}/${version}`;
}

/**
 * Copies the package files of `source` into a new version folder and writes its manifest.
 * @throws {DomainError} `version-exists`; `invalid-manifest`
 */
export async function writePackage(
  root: string,
  draft: ManifestDraft,
  { version, source }: { version: number; source: string },
): Promise<Manifest> {
  const target = packageDirectory(root, draft.name, version);
  if (await exists(target)) throw versionExists({ name: draft.name, version });
  const staging = await makeStaging(root);
  try {
    const files: Record<string, string> = {};
    for (const path of await listPackageFiles(source)) {
      const from = await Deno.open(`${source}/${path}`);
      files[path] = (await receiveFile(from.readable, `${staging}/${path}`)).sha256;
    }
    const manifest = parseManifest({ formatVersion: MANIFEST_FORMAT, ...draft, version, files });
    await writeWhole(`${staging}/manifest.json`, [JSON.stringify(manifest, null, 2), "\n"]);
    await publish(staging, root, manifest);
    return manifest;
  } finally {
    await Deno.remove(staging, { recursive: true }).catch(() => {}); // gone already after a success: it was renamed
  }
}

/** A new folder beside the packages (same file system, so that the rename is atomic). */
export async function makeStaging(root: string): Promise<string> {
  await Deno.mkdir(root, { recursive: true });
  return await Deno.makeTempDir({ dir: root, prefix: ".tmp-" });
}

/** Renames a complete staging folder to its final place, durably. @throws {DomainError} `version-exists` */
export async function publish(staging: string, root: string, { name, version }: Manifest): Promise<void> {
  const target = packageDirectory(root, name, version);
  await Deno.mkdir(dirname(target), { recursive: true });
  for (const directory of [`${staging}/templates`, staging]) {
    if (await exists(directory)) await syncDirectory(directory);
  }
  try {
    await Deno.rename(staging, target); // refused by the system when the target is a folder with files
  } catch (error) {
    throw await exists(target) ? versionExists({ name, version }) : error;
  }
  await syncDirectory(dirname(target));
  await syncDirectory(root);
}

/**
 * Reads a package's manifest; its name and version must agree with the folder, and its files must exist.
 * @throws {DomainError} `invalid-manifest`, `invalid-package`
 */
export async function readPackage(directory: string): Promise<Manifest> {
  const path = `${directory}/manifest.json`;
  const { size } = await Deno.stat(path).catch(() => {
    throw new DomainError("invalid-package", "Cannot read a model package: manifest.json is missing");
  });
  if (size > MAX_MANIFEST_BYTES) {
    throw new DomainError("invalid-package", `Cannot read a model package: manifest.json has ${size} bytes`);
  }
  const manifest = decodeManifest(await Deno.readTextFile(path));
  const expected = `${basename(dirname(directory))}/${basename(directory)}`;
  const found = `${manifest.name}/${manifest.version}`;
  if (found !== expected) {
    throw new DomainError(
      "invalid-package",
      `Cannot read model package ${expected}: its manifest belongs to ${found}`,
    );
  }
  for (const file of Object.keys(manifest.files)) {
    if (!await exists(`${directory}/${file}`)) {
      throw new DomainError("invalid-package", `Cannot read model package ${found}: ${file} is missing`);
    }
  }
  return manifest;
}

/** @throws {DomainError} `invalid-manifest` */
export function decodeManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = parseForeignJson(text);
  } catch {
    throw new DomainError("invalid-manifest", "Cannot read a model manifest: expected JSON");
  }
  return parseManifest(value);
}

/**
 * Hashes every file of a package.
 * @returns the zip checksum and size of each file
 * @throws {DomainError} `package-tampered`, naming the file
 */
export async function verifyPackage(
  directory: string,
  manifest: Manifest,
): Promise<Map<string, { crc32: number; bytes: number }>> {
  const digests = new Map<string, { crc32: number; bytes: number }>();
  for (const [file, sha256] of Object.entries(manifest.files)) {
    const digest = await digestFile(`${directory}/${file}`);
    if (digest.sha256 !== sha256) {
      throw new DomainError(
        "package-tampered",
        `Cannot use model package ${manifest.name}/${manifest.version}: ${file} does not have the sha256 of its manifest`,
      );
    }
    digests.set(file, digest);
  }
  return digests;
}

/** Bytes of a package's files. */
export async function packageBytes(directory: string, manifest: Pick<Manifest, "files">): Promise<number> {
  let bytes = 0;
  for (const file of ["manifest.json", ...Object.keys(manifest.files)]) {
    bytes += (await Deno.stat(`${directory}/${file}`)).size;
  }
  return bytes;
}

/** The files of a folder that belong into a package, sorted. */
async function listPackageFiles(source: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ["", "templates/"]) {
    if (!await exists(`${source}/${folder}`)) continue;
    for await (const entry of Deno.readDir(`${source}/${folder}`)) {
      if (entry.isFile && PACKAGE_FILE.test(folder + entry.name)) found.push(folder + entry.name);
    }
  }
  return found.sort();
}

export function versionExists({ name, version }: { name: string; version: number }): DomainError {
  return new DomainError("version-exists", `Cannot write model package ${name}/${version}: this version exists`);
}
