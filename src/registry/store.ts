/**
 * The models of this installation: packages are files under two roots, states are rows. Every call reads the rows, since
 * other processes write them too; only manifests are kept in memory, since they never change.
 */
import { exportPackage, importPackage, type NetworkCheck, type PackageStream } from "./archive.ts";
import { type Database, DomainError, exists, type Queryable, sweepFolder } from "../storage/mod.ts";
import { type Manifest, type ManifestDraft, MAX_VERSION } from "./manifest.ts";
import { makeStaging, packageDirectory, readPackage, verifyPackage, writePackage } from "./package.ts";
import { Readers } from "../process/mod.ts";
import { repair } from "./repair.ts";
import { type PackagedReports, reportFolder, sortReports } from "./reports.ts";
import {
  AUDIT_COLUMNS,
  auditFromRow,
  type AuditRow,
  insertCandidate,
  serve,
  VERSION_COLUMNS,
  type VersionRow,
  writeAudit,
  writeImport,
  writePackaged,
} from "./rows.ts";
import type { AuditEntry, Decision, ModelSummary, ModelVersion } from "./types.ts";

export interface RegistryOptions {
  readonly database: Database;
  /** Packages made or imported here live in `<dataDirectory>/models`. */
  readonly dataDirectory: string;
  /** Packages that came with the program; never written to. */
  readonly shippedDirectory?: string;
  /** Refuses a package folder whose `network.onnx` is not acceptable, by throwing. Default: accepts every network. */
  readonly checkNetwork?: NetworkCheck;
  /** Packages name cases and show pictures of them (`full`), or number them. Default: `pseudonyms`. */
  readonly packagedReports?: PackagedReports;
  /** Read packages from outside. Default: some of its own. */
  readonly readers?: Readers;
}

export class Registry {
  readonly #database: Database;
  readonly #roots: { readonly own: string; readonly shipped?: string };
  readonly #dataDirectory: string;
  readonly #checkNetwork: NetworkCheck;
  readonly #packagedReports: PackagedReports;
  readonly #readers: Readers;
  readonly #manifests = new Map<string, Manifest>();
  /** Packages with checked hashes, and the state of their files at that time. */
  readonly #verified = new Map<string, string>();

  private constructor(options: RegistryOptions) {
    const { database, dataDirectory, shippedDirectory, checkNetwork = () => {}, readers = new Readers() } = options;
    this.#database = database;
    this.#dataDirectory = dataDirectory;
    this.#packagedReports = options.packagedReports ?? "pseudonyms";
    this.#roots = { own: `${dataDirectory}/models`, shipped: shippedDirectory };
    this.#checkNetwork = checkNetwork;
    this.#readers = readers;
  }

  /** Opens both roots and repairs the rows after a crash: packages without a row become candidates. */
  static async open(options: RegistryOptions): Promise<Registry> {
    const registry = new Registry(options);
    await Deno.mkdir(registry.#roots.own, { recursive: true });
    await repair(registry.#database, registry.#roots, options.dataDirectory);
    return registry;
  }

  /** Removes staging folders and empty folders that a crash left, older than a time in ms since 1970. */
  async sweep(before: number): Promise<void> {
    await sweepFolder(this.#roots.own, { before });
    await sweepFolder(`${this.#dataDirectory}/reports`, { before });
  }

  /** Every model, by name. Versions whose package cannot be read are left out. */
  async list(): Promise<ModelSummary[]> {
    const { rows } = await this.#database.query<VersionRow>(
      `SELECT ${VERSION_COLUMNS} FROM sulcus.model_versions ORDER BY name, version`,
    );
    return await this.#summarise(rows);
  }

  /** One model. @throws {DomainError} `not-found` */
  async get(name: string): Promise<ModelSummary> {
    const { rows } = await this.#database.query<VersionRow>(
      `SELECT ${VERSION_COLUMNS} FROM sulcus.model_versions WHERE name = $1 ORDER BY version`,
      [name],
    );
    const [found] = await this.#summarise(rows);
    return found ?? noModel();
  }

  /** One version. @throws {DomainError} `not-found`, `invalid-package` */
  async version(name: string, version: number): Promise<ModelVersion> {
    const row = await this.#row(this.#database, name, version);
    return (row && await this.#toVersion(row)) ?? noVersion();
  }

  /**
   * The version asked for, or the served one. Its files are not checked.
   * @throws {DomainError} `not-found`, `model-not-served`
   */
  async find(name: string, version?: number): Promise<ModelVersion> {
    return await this.version(name, version ?? (await this.get(name)).servedVersion ?? notServed());
  }

  /**
   * The version asked for, or the served one, with every file's hash checked: the base of inference and training.
   * @throws {DomainError} `not-found`, `model-not-served`, `package-tampered`, `invalid-package`
   */
  async resolve(name: string, version?: number): Promise<ModelVersion> {
    const found = await this.find(name, version);
    await this.#verify(found);
    return found;
  }

  /** The version that a job made, or null. */
  async madeBy(job: string): Promise<ModelVersion | null> {
    const { rows } = await this.#database.query<VersionRow>(
      `SELECT ${VERSION_COLUMNS} FROM sulcus.model_versions WHERE job = $1`,
      [job],
    );
    return rows[0] ? await this.#toVersion(rows[0]) : null;
  }

  /**
   * Adds the next version of `draft.name` as a candidate, from a folder with the package's files. `importedBy` is the
   * person who brought it from outside, for the audit trail.
   * @throws {DomainError} `invalid-manifest`
   */
  async addCandidate(draft: ManifestDraft, source: string, importedBy?: string): Promise<ModelVersion> {
    if (importedBy === undefined) {
      await sortReports(source, draft, { dataDirectory: this.#dataDirectory, packaged: this.#packagedReports });
    }
    for (;;) {
      const version = await this.#nextVersion(draft.name);
      try {
        const manifest = await writePackage(this.#roots.own, draft, { version, source });
        await this.#database.transaction(async (tx) => {
          await insertCandidate(tx, manifest, manifest.provenance.job);
          if (importedBy !== undefined) await writeImport(tx, manifest, importedBy);
          else if (this.#packagedReports === "full") await writePackaged(tx, manifest);
        });
        return await this.version(draft.name, version);
      } catch (error) {
        // another caller took the number between the query and the write: try the next one
        if (!(error instanceof DomainError && error.code === "version-exists")) throw error;
      }
    }
  }

  /**
   * Serves a candidate or retired version and retires the one served so far.
   * @throws {DomainError} `not-found`; `invalid-transition` when it is served already; `package-tampered`
   */
  async approve(name: string, version: number, decision: Decision): Promise<ModelVersion> {
    await this.#verify(await this.version(name, version));
    await this.#database.transaction(async (tx) => {
      const served = await this.#lockServed(tx, name);
      if (served === version) {
        throw new DomainError("invalid-transition", `Cannot approve ${name}/${version}: it is served already`);
      }
      await serve(tx, { name, version, served, decision });
      await tx.query(
        "UPDATE sulcus.model_versions SET former_version = $3 WHERE name = $1 AND version = $2",
        [name, version, served],
      );
      await writeAudit(tx, { ...decision, action: "approve", model: name, version, formerVersion: served });
    });
    return await this.version(name, version);
  }

  /**
   * Serves the version again that was served before the present one, and retires the present one.
   * @throws {DomainError} `not-found`, `model-not-served`, `no-former-version`, `package-tampered`
   */
  async rollback(name: string, decision: Decision): Promise<ModelVersion> {
    const version = await this.#formerVersion(this.#database, name);
    await this.#verify(await this.version(name, version));
    await this.#database.transaction(async (tx) => {
      const served = await this.#lockServed(tx, name);
      if (await this.#formerVersion(tx, name) !== version) {
        throw new DomainError("conflict", `Cannot roll ${name} back: another version has been approved meanwhile`);
      }
      await serve(tx, { name, version, served, decision });
      await writeAudit(tx, { ...decision, action: "rollback", model: name, version, formerVersion: served });
    });
    return await this.version(name, version);
  }

  /**
   * Path of a training's report: the one that names cases while it is kept, then that of the package; null: neither is.
   * @throws {DomainError} `not-found`
   */
  async reportFile(
    { name, version, format }: { name: string; version: number; format: "json" | "html" },
  ): Promise<string | null> {
    const { directory, manifest } = await this.version(name, version);
    const { job } = manifest.provenance;
    const folders = job === undefined ? [directory] : [reportFolder(this.#dataDirectory, job), directory];
    for (const folder of folders) {
      if (await exists(`${folder}/report.${format}`)) return `${folder}/report.${format}`;
    }
    return null;
  }

  /** The audit trail of a model, or of all; newest first. */
  async audit(name?: string): Promise<AuditEntry[]> {
    const { rows } = await this.#database.query<AuditRow>(
      `SELECT ${AUDIT_COLUMNS} FROM sulcus.audit WHERE $1::text IS NULL OR model = $1 ORDER BY audit.id DESC LIMIT 1000`,
      [name ?? null],
    );
    return rows.map(auditFromRow);
  }

  /** The package as one zip. @throws {DomainError} `not-found`, `package-tampered` */
  async exportZip(name: string, version: number): Promise<PackageStream> {
    const { directory, manifest } = await this.version(name, version);
    return await exportPackage(directory, manifest);
  }

  /**
   * Checks a package's zip whole, then adds it as a candidate under its own name and version.
   * @throws {DomainError} `invalid-archive`, `too-large`, `invalid-manifest`, `invalid-package`, `package-tampered`,
   * `version-exists`, `too-much-work`, `busy`
   */
  async importZip(zipPath: string, actor = "import"): Promise<ModelVersion> {
    const { shipped } = this.#roots;
    const manifest = await importPackage(zipPath, this.#roots.own, {
      checkNetwork: this.#checkNetwork,
      readers: this.#readers,
      isTaken: async ({ name, version }) => !!shipped && await exists(packageDirectory(shipped, name, version)),
    });
    await this.#database.transaction(async (tx) => {
      await insertCandidate(tx, manifest);
      await writeImport(tx, manifest, actor);
    });
    return await this.version(manifest.name, manifest.version);
  }

  /**
   * Adds a candidate, whole or not at all: `make` writes its files into an empty folder and returns its draft. `actor` is
   * the person who brought it from outside, for the audit trail.
   * @throws {DomainError} `invalid-manifest`; and the errors of \`make\`
   */
  async addMade<T extends { readonly draft: ManifestDraft }>(
    make: (folder: string) => Promise<T>,
    actor: string,
  ): Promise<{ readonly version: ModelVersion; readonly made: T }> {
    const folder = await makeStaging(this.#roots.own);
    try {
      const made = await make(folder);
      return { version: await this.addCandidate(made.draft, folder, actor), made };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }

  async #row(on: Queryable, name: string, version: number): Promise<VersionRow | undefined> {
    const { rows } = await on.query<VersionRow>(
      `SELECT ${VERSION_COLUMNS} FROM sulcus.model_versions WHERE name = $1 AND version = $2`,
      [name, version],
    );
    return rows[0];
  }

  /** Locks a model's rows until the end of the transaction and returns the served version. */
  async #lockServed(tx: Queryable, name: string): Promise<number | null> {
    const { rows } = await tx.query<{ version: number; state: string }>(
      "SELECT version, state FROM sulcus.model_versions WHERE name = $1 ORDER BY version FOR UPDATE",
      [name],
    );
    return rows.find((r) => r.state === "served")?.version ?? null;
  }

  async #formerVersion(on: Queryable, name: string): Promise<number> {
    const { rows } = await on.query<{ state: string; former_version: number | null }>(
      "SELECT state, former_version FROM sulcus.model_versions WHERE name = $1",
      [name],
    );
    if (rows.length === 0) noModel();
    const served = rows.find((r) => r.state === "served") ?? notServed();
    if (served.former_version === null) {
      throw new DomainError("no-former-version", `Cannot roll ${name} back: no version was served before this one`);
    }
    return served.former_version;
  }

  async #nextVersion(name: string): Promise<number> {
    const { rows } = await this.#database.query<{ version: number }>(
      "SELECT version FROM sulcus.model_versions WHERE name = $1",
      [name],
    );
    const taken = new Set(rows.map(({ version }) => version));
    const isFree = async (version: number) =>
      !taken.has(version) && !await exists(packageDirectory(this.#roots.own, name, version));
    // An imported package brings its own number; the greatest of all must not end the count.
    let next = Math.max(0, ...taken) + 1;
    if (next > MAX_VERSION) next = 1;
    while (!await isFree(next)) next++;
    return next;
  }

  async #verify({ directory, manifest }: ModelVersion): Promise<void> {
    const stamps = [];
    for (const file of Object.keys(manifest.files)) {
      const { size, mtime, ino } = await Deno.stat(`${directory}/${file}`);
      stamps.push(`${file} ${size} ${mtime?.getTime()} ${ino}`);
    }
    const stamp = stamps.join("\n");
    if (this.#verified.get(directory) === stamp) return;
    await verifyPackage(directory, manifest);
    this.#verified.set(directory, stamp);
  }

  async #toVersion(row: VersionRow): Promise<ModelVersion | null> {
    const root = row.shipped ? this.#roots.shipped : this.#roots.own;
    const directory = packageDirectory(root ?? this.#roots.own, row.name, row.version);
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

  async #summarise(rows: readonly VersionRow[]): Promise<ModelSummary[]> {
    const models = new Map<string, ModelVersion[]>();
    for (const row of rows) {
      const version = await this.#toVersion(row).catch(() => null);
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
}

function noModel(): never {
  throw new DomainError("not-found", "Cannot find this model");
}
function noVersion(): never {
  throw new DomainError("not-found", "Cannot find this version of the model");
}
function notServed(): never {
  throw new DomainError("model-not-served", "Cannot use this model: no version of it is served; approve one first");
}
