/**
 * The models of this installation: packages are files under two roots, states are rows. Every call reads the rows, since
 * other processes write them too; only manifests are kept in memory, since they never change.
 */
import { exportPackage, importPackage, type NetworkCheck, type PackageStream } from "./archive.ts";
import {
  type Database,
  DomainError,
  exists,
  isNoted,
  removeIfPresent,
  removeNoted,
  sweepFolder,
  type Witness,
} from "../storage/mod.ts";
import { approveVersion, formerVersion, noModel, notServed, noVersion, rollBackTo } from "./decisions.ts";
import type { Manifest, ManifestDraft } from "./manifest.ts";
import { makeStaging, packageBytes, packageDirectory, writePackage } from "./package.ts";
import { Packages } from "./packages.ts";
import { Readers } from "../process/mod.ts";
import { type Holders, type Policies, Projects } from "../identity/mod.ts";
import { outdatedVersions, removeVersion } from "./removal.ts";
import { repair } from "./repair.ts";
import { type PackagedReports, reportFolder, sortReports } from "./reports.ts";
import {
  AUDIT_COLUMNS,
  auditFromRow,
  type AuditRow,
  holdModel,
  insertCandidate,
  projectOfModel,
  VERSION_COLUMNS,
  type VersionRow,
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
  /** Bound the space of projects. Default: those of the database, with the default policy. */
  readonly projects?: Pick<Projects, "checkSpace">;
  /** Read packages from outside. Default: some of its own. */
  readonly readers?: Readers;
}

/** Who brings a model from outside, for the audit trails, and whose it becomes. */
export interface Bringer {
  readonly actor?: string;
  readonly witness?: Witness;
  /** Default: whose the model is already; a new one is everybody's. */
  readonly holders?: Holders;
}

export class Registry {
  readonly #database: Database;
  readonly #packages: Packages;
  readonly #dataDirectory: string;
  readonly #checkNetwork: NetworkCheck;
  readonly #packagedReports: PackagedReports;
  readonly #readers: Readers;
  readonly #projects: Pick<Projects, "checkSpace">;

  private constructor(options: RegistryOptions) {
    const { database, dataDirectory, shippedDirectory, checkNetwork = () => {}, readers = new Readers() } = options;
    this.#database = database;
    this.#dataDirectory = dataDirectory;
    this.#packagedReports = options.packagedReports ?? "pseudonyms";
    this.#packages = new Packages({ own: `${dataDirectory}/models`, shipped: shippedDirectory });
    this.#checkNetwork = checkNetwork;
    this.#readers = readers;
    this.#projects = options.projects ?? new Projects(database);
  }

  /** Opens both roots and repairs the rows after a crash: packages without a row become candidates. */
  static async open(options: RegistryOptions): Promise<Registry> {
    const registry = new Registry(options);
    const { roots } = registry.#packages;
    await Deno.mkdir(roots.own, { recursive: true });
    await removeNoted(options.database, options.dataDirectory); // before a package without a row counts as found
    await repair(registry.#database, roots, options.dataDirectory);
    return registry;
  }

  /** The folders in which packages lie. */
  get folders(): readonly string[] {
    return Object.values(this.#packages.roots).filter((root) => root !== undefined);
  }

  /** Removes staging folders and empty folders that a crash left, older than a time in ms since 1970. */
  async sweep(before: number): Promise<void> {
    await sweepFolder(this.#packages.roots.own, { before });
    await sweepFolder(`${this.#dataDirectory}/reports`, { before });
  }

  /** Removes the versions whose time is over at `now`, each with its entry in the audit trail. */
  async deleteOutdated(policies: Policies, now: number, witnessOf: (id: string) => Witness): Promise<void> {
    let removed = 0;
    for (const { name, version } of await outdatedVersions(this.#database, policies, now)) {
      if (!await removeVersion(this.#database, { name, version }, witnessOf(`${name}/${version}`))) continue;
      this.#packages.forget(name, version);
      removed++;
    }
    if (removed === 0) return;
    await removeNoted(this.#database, this.#dataDirectory);
    await this.#database.purge(["sulcus.model_versions"]); // notes to decisions are free text
  }

  /** Every model, by name. Versions whose package cannot be read are left out. */
  async list(): Promise<ModelSummary[]> {
    const { rows } = await this.#database.query<VersionRow>(
      `SELECT ${VERSION_COLUMNS} FROM sulcus.model_versions ORDER BY name, version`,
    );
    return await this.#packages.summarise(rows);
  }

  /** One model. @throws {DomainError} `not-found` */
  async get(name: string): Promise<ModelSummary> {
    const { rows } = await this.#database.query<VersionRow>(
      `SELECT ${VERSION_COLUMNS} FROM sulcus.model_versions WHERE name = $1 ORDER BY version`,
      [name],
    );
    const [found] = await this.#packages.summarise(rows);
    return found ?? noModel();
  }

  /** One version. @throws {DomainError} `not-found`, `invalid-package` */
  async version(name: string, version: number): Promise<ModelVersion> {
    const { rows: [row] } = await this.#database.query<VersionRow>(
      `SELECT ${VERSION_COLUMNS} FROM sulcus.model_versions WHERE name = $1 AND version = $2`,
      [name, version],
    );
    return (row && await this.#packages.versionOf(row)) ?? noVersion();
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
    await this.#packages.verify(found);
    return found;
  }

  /** The version that a job made, or null. */
  async madeBy(job: string): Promise<ModelVersion | null> {
    const { rows } = await this.#database.query<VersionRow>(
      `SELECT ${VERSION_COLUMNS} FROM sulcus.model_versions WHERE job = $1`,
      [job],
    );
    return rows[0] ? await this.#packages.versionOf(rows[0]) : null;
  }

  /**
   * Adds the next version of `draft.name` as a candidate, from a folder with the package's files; `bringer`: it comes from
   * outside.
   * @throws {DomainError} `invalid-manifest`, `conflict`, `project-full`
   */
  async addCandidate(draft: ManifestDraft, source: string, bringer?: Bringer): Promise<ModelVersion> {
    if (bringer === undefined) {
      await sortReports(source, draft, { dataDirectory: this.#dataDirectory, packaged: this.#packagedReports });
    }
    for (;;) {
      const version = await this.#nextVersion(draft.name);
      try {
        const manifest = await writePackage(this.#packages.roots.own, draft, { version, source });
        await this.#register(manifest, { job: manifest.provenance.job, bringer });
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
    await this.#packages.verify(await this.version(name, version));
    await approveVersion(this.#database, { name, version }, decision);
    return await this.version(name, version);
  }

  /**
   * Serves the version again that was served before the present one, and retires the present one.
   * @throws {DomainError} `not-found`, `model-not-served`, `no-former-version`, `package-tampered`
   */
  async rollback(name: string, decision: Decision): Promise<ModelVersion> {
    const version = await formerVersion(this.#database, name);
    await this.#packages.verify(await this.version(name, version));
    await rollBackTo(this.#database, { name, version }, decision);
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
   * `version-exists`, `too-much-work`, `busy`, `conflict`, `project-full`
   */
  async importZip(zipPath: string, bringer: Bringer = {}): Promise<ModelVersion> {
    const { own, shipped } = this.#packages.roots;
    const manifest = await importPackage(zipPath, own, {
      checkNetwork: this.#checkNetwork,
      readers: this.#readers,
      isTaken: async ({ name, version }) =>
        !!shipped && await exists(packageDirectory(shipped, name, version)) ||
        await isNoted(this.#database, `models/${name}/${version}`),
    });
    await this.#register(manifest, { bringer });
    return await this.version(manifest.name, manifest.version);
  }

  /**
   * Adds a candidate, whole or not at all: `make` writes its files into an empty folder and returns its draft.
   * @throws {DomainError} `invalid-manifest`; and the errors of \`make\`
   */
  async addMade<T extends { readonly draft: ManifestDraft }>(
    make: (folder: string) => Promise<T>,
    bringer: Bringer,
  ): Promise<{ readonly version: ModelVersion; readonly made: T }> {
    const folder = await makeStaging(this.#packages.roots.own);
    try {
      const made = await make(folder);
      return { version: await this.addCandidate(made.draft, folder, bringer), made };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }

  /** Adds the row of a package in its place. A refused one gets neither row nor package. */
  async #register(
    manifest: Manifest,
    { job, bringer }: { readonly job?: string | undefined; readonly bringer?: Bringer | undefined },
  ): Promise<void> {
    const directory = packageDirectory(this.#packages.roots.own, manifest.name, manifest.version);
    const bytes = await packageBytes(directory, manifest);
    try {
      await this.#database.transaction(async (tx) => {
        await insertCandidate(tx, manifest, { bytes, job });
        if (bringer === undefined) {
          if (this.#packagedReports === "full") await writePackaged(tx, manifest);
          return;
        }
        if (bringer.holders?.project != null) await holdModel(tx, manifest, bringer.holders);
        await this.#projects.checkSpace(tx, await projectOfModel(tx, manifest.name));
        await writeImport(tx, manifest, bringer);
      });
    } catch (error) {
      const isRefused = error instanceof DomainError && (error.code === "project-full" || error.code === "conflict");
      if (isRefused) await removeIfPresent(directory);
      throw error;
    }
  }

  async #nextVersion(name: string): Promise<number> {
    const { rows } = await this.#database.query<{ version: number }>(
      `SELECT version FROM sulcus.model_versions WHERE name = $1
       UNION SELECT split_part(path, '/', 3)::integer FROM sulcus.removals WHERE starts_with(path, 'models/' || $1 || '/')`,
      [name],
    );
    return await this.#packages.nextVersion(name, new Set(rows.map(({ version }) => version)));
  }
}
