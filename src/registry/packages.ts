/** The packages of both roots as files: versions as their rows and manifests say, free numbers, checked hashes. */
import { DomainError, exists } from "../storage/mod.ts";
import { type Manifest, MAX_VERSION } from "./manifest.ts";
import { packageDirectory, readPackage, verifyPackage } from "./package.ts";
import type { VersionRow } from "./rows.ts";
import type { ModelSummary, ModelVersion } from "./types.ts";

export interface Roots {
  /** Packages made or imported here. */
  readonly own: string;
  /** Packages that came with the program; never written to. */
  readonly shipped?: string;
}

export class Packages {
  readonly roots: Roots;
  readonly #manifests = new Map<string, Manifest>();
  /** Packages with checked hashes, and the state of their files at that time. */
  readonly #verified = new Map<string, string>();

  constructor(roots: Roots) {
    this.roots = roots;
  }

  /** A row with its manifest; null: its package is not there. @throws {DomainError} `invalid-manifest`, `invalid-package` */
  async versionOf(row: VersionRow): Promise<ModelVersion | null> {
    const root = row.shipped ? this.roots.shipped : this.roots.own;
    const directory = packageDirectory(root ?? this.roots.own, row.name, row.version);
    if (!await exists(`${directory}/manifest.json`)) return null;
    const manifest = this.#manifests.get(directory) ?? await readPackage(directory);
    this.#manifests.set(directory, manifest);
    return {
      name: row.name,
      version: row.version,
      state: row.state,
      shipped: row.shipped,
      manifest,
      directory,
      addedAt: row.added_at.toISOString(),
      ...(row.approved_by !== null && { approvedBy: row.approved_by }),
      ...(row.approved_at !== null && { approvedAt: row.approved_at.toISOString() }),
      ...(row.note !== null && { note: row.note }),
    };
  }

  /** Models of rows that are ordered by name and version. Versions whose package cannot be read are left out. */
  async summarise(rows: readonly VersionRow[]): Promise<ModelSummary[]> {
    const models = new Map<string, ModelVersion[]>();
    for (const row of rows) {
      const version = await this.versionOf(row).catch(() => null);
      if (version) models.set(row.name, [...models.get(row.name) ?? [], version]);
    }
    return [...models].map(([name, versions]) => {
      const served = versions.find((v) => v.state === "served");
      return {
        name,
        task: (served ?? versions[versions.length - 1]).manifest.task,
        servedVersion: served?.version ?? null,
        versions: versions.map(({ version, state }) => ({ version, state })),
      };
    });
  }

  /** The number of a new version of a model. */
  async nextVersion(name: string, taken: ReadonlySet<number>): Promise<number> {
    const isFree = async (version: number) =>
      !taken.has(version) && !await exists(packageDirectory(this.roots.own, name, version));
    // An imported package brings its own number; the greatest of all must not end the count.
    let next = Math.max(0, ...taken) + 1;
    if (next > MAX_VERSION) next = 1;
    while (!await isFree(next)) next++;
    return next;
  }

  /** Checks the hash of every file, unless the files are as they were at the last check. @throws {DomainError} `package-tampered` */
  async verify({ name, version, directory, manifest }: ModelVersion): Promise<void> {
    const stamps = [];
    for (const file of Object.keys(manifest.files)) {
      const { size, mtime, ino } = await Deno.stat(`${directory}/${file}`).catch(() => {
        throw new DomainError("package-tampered", `Cannot use model package ${name}/${version}: ${file} is missing`);
      });
      stamps.push(`${file} ${size} ${mtime?.getTime()} ${ino}`);
    }
    const stamp = stamps.join("\n");
    if (this.#verified.get(directory) === stamp) return;
    await verifyPackage(directory, manifest);
    this.#verified.set(directory, stamp);
  }

  /** Forgets a package that is removed: another may come in its place. */
  forget(name: string, version: number): void {
    const directory = packageDirectory(this.roots.own, name, version);
    this.#manifests.delete(directory);
    this.#verified.delete(directory);
  }
}
