/** Model packages as single zip files: out, and in after every check. Writes no rows. */
import { crc32 } from "node:zlib";
import {
  DomainError,
  exists,
  receiveFile,
  writeZip,
  type ZipLimits,
  ZipReader,
  type ZipSource,
} from "../storage/mod.ts";
import type { Readers } from "../process/mod.ts";
import type { Manifest } from "./manifest.ts";
import {
  decodeManifest,
  makeStaging,
  MAX_MANIFEST_BYTES,
  packageDirectory,
  publish,
  verifyPackage,
  versionExists,
} from "./package.ts";
import { withoutNamingReports } from "./reports.ts";

const LIMITS: ZipLimits = { maxEntries: 64, maxTotalBytes: 4 * 2 ** 30, maxRatio: 100 };
/** Largest protobuf message, and an ONNX file is one. */
const MAX_NETWORK_BYTES = 2 * 2 ** 30;

export interface PackageStream {
  /** Suggested name for the download. */
  readonly fileName: string;
  readonly bytes: number;
  readonly stream: ReadableStream<Uint8Array>;
}

/** Verifies a package and streams it as a zip. @throws {DomainError} `package-tampered` */
export async function exportPackage(directory: string, manifest: Manifest): Promise<PackageStream> {
  const digests = await verifyPackage(directory, manifest);
  const text = await Deno.readFile(`${directory}/manifest.json`);
  const sources: ZipSource[] = [
    {
      name: "manifest.json",
      bytes: text.length,
      crc32: crc32(text),
      open: () => Promise.resolve(new Blob([text]).stream()),
    },
    ...[...digests].map(([name, digest]) => ({
      name,
      ...digest,
      open: async () => (await Deno.open(`${directory}/${name}`)).readable,
    })),
  ];
  return { fileName: `${manifest.name}-${manifest.version}.zip`, ...writeZip(sources) };
}

export type NetworkCheck = (directory: string, manifest: Manifest) => void | Promise<void>;

export interface ImportOptions {
  /** Throws when `network.onnx` of a folder does not fit this manifest. */
  readonly checkNetwork: NetworkCheck;
  /** True if this name and version exist elsewhere. */
  readonly isTaken: (manifest: Manifest) => Promise<boolean>;
  readonly readers: Readers;
}

/**
 * Unpacks a package's zip under `root` after it checked everything: the archive, the manifest, that exactly the files of
 * the manifest are there, their hashes, and the network by `checkNetwork`.
 * @throws {DomainError} `invalid-archive`, `too-large`, `invalid-manifest`, `invalid-package`, `package-tampered`,
 * `version-exists`, `too-much-work`, `busy`
 */
export async function importPackage(
  zipPath: string,
  root: string,
  { checkNetwork, isTaken, readers }: ImportOptions,
): Promise<Manifest> {
  const staging = await makeStaging(root);
  try {
    const manifest = await readers.run<UnpackTask, Manifest>(import.meta.resolve("./_unpack_child.ts"), {
      task: { zipPath, folder: staging },
      reads: [zipPath],
      writes: [staging],
      refusal: { code: "invalid-package", start: "Cannot import a model package" },
    });
    if (await isTaken(manifest) || await exists(packageDirectory(root, manifest.name, manifest.version))) {
      throw versionExists(manifest);
    }
    await inspectNetwork(staging, manifest, checkNetwork);
    const kept = await withoutNamingReports(staging, manifest) ?? manifest;
    await publish(staging, root, kept);
    return kept;
  } finally {
    await Deno.remove(staging, { recursive: true }).catch(() => {}); // gone already after a success: it was renamed
  }
}

export interface UnpackTask {
  readonly zipPath: string;
  /** Empty. */
  readonly folder: string;
}

/** Unpacks a package into a folder. Runs in a child. @throws {DomainError} as {@link importPackage} */
export async function unpackPackage({ zipPath, folder }: UnpackTask): Promise<Manifest> {
  using zip = await ZipReader.open(zipPath, LIMITS);
  const listed = zip.entries.find((e) => e.name === "manifest.json");
  if (!listed) throw invalid("manifest.json is missing");
  const text = await zip.readBytes(listed, MAX_MANIFEST_BYTES);
  const manifest = decodeManifest(new TextDecoder().decode(text));
  const expected = ["manifest.json", ...Object.keys(manifest.files)].sort().join();
  if (zip.entries.map((e) => e.name).sort().join() !== expected) {
    throw invalid("its files are not those of its manifest");
  }
  for (const entry of zip.entries) {
    await receiveFile(await zip.read(entry), `${folder}/${entry.name}`, { maxBytes: entry.bytes });
  }
  await verifyPackage(folder, manifest);
  return manifest;
}

async function inspectNetwork(directory: string, manifest: Manifest, checkNetwork: NetworkCheck): Promise<void> {
  const { size } = await Deno.stat(`${directory}/network.onnx`);
  if (size > MAX_NETWORK_BYTES) throw invalid(`network.onnx has ${size} bytes`);
  try {
    await checkNetwork(directory, manifest);
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new DomainError("invalid-package", `Cannot import a model package: network.onnx: ${reason(error)}`, {
      cause: error,
    });
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : "it is refused";
}

function invalid(why: string): DomainError {
  return new DomainError("invalid-package", `Cannot import a model package: ${why}`);
}
