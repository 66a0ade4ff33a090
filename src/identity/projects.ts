/** Projects as an administrator sets them up: what each keeps, and how much of its space is used. */
import { type Database, DomainError, type Queryable, type Witness } from "../storage/mod.ts";
import { DEFAULT_POLICY, type OwnPolicy, Policies, type Policy, PROJECT_NAME } from "./policies.ts";

export interface Project {
  readonly name: string;
  /** The fields that it sets itself. */
  readonly own: OwnPolicy;
  /** All fields that apply to it. */
  readonly policy: Policy;
  /** Bytes of its data sets and models. */
  readonly usedBytes: number;
}

/** Serialises those who fill one project, together with a number made of its name. */
const ADVISORY_CLASS = 7_263_189;

export class Projects {
  readonly #database: Pick<Database, "query" | "transaction">;
  readonly #defaults: Policy;

  constructor(database: Pick<Database, "query" | "transaction">, defaults: Policy = DEFAULT_POLICY) {
    this.#database = database;
    this.#defaults = defaults;
  }

  async policies(): Promise<Policies> {
    return new Policies(this.#defaults, await ownPolicies(this.#database));
  }

  /** Projects that have a policy of their own, data sets, or models; by name. */
  async list(): Promise<Project[]> {
    const { rows } = await this.#database.query<{ name: string }>(
      `SELECT name FROM sulcus.projects UNION SELECT project FROM sulcus.datasets WHERE project IS NOT NULL
       UNION SELECT project FROM sulcus.model_owners WHERE project IS NOT NULL ORDER BY name`,
    );
    const own = await ownPolicies(this.#database);
    return await Promise.all(rows.map(({ name }) => this.#project(name, own.get(name) ?? {})));
  }

  /** A project; one that nobody set up has the policy of the installation. @throws {DomainError} `invalid-name` */
  async get(name: string): Promise<Project> {
    checkName(name);
    return await this.#project(name, (await ownPolicies(this.#database)).get(name) ?? {});
  }

  /** Sets what a project keeps: the fields that are absent are those of the installation. @throws {DomainError} `invalid-name` */
  async put(name: string, own: OwnPolicy, { witness }: { readonly witness?: Witness } = {}): Promise<Project> {
    checkName(name);
    await this.#database.transaction(async (tx) => {
      await tx.query(
        `INSERT INTO sulcus.projects (name, policy) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET policy = excluded.policy`,
        [name, JSON.stringify(own)],
      );
      await witness?.(tx, name);
    });
    return await this.#project(name, own);
  }

  /**
   * Makes sure, until the transaction ends, that what it has added to a project fits.
   * @throws {DomainError} `project-full`, with the figures
   */
  async checkSpace(tx: Queryable, project: string | null): Promise<void> {
    if (project === null) return;
    const { storageBytes: most } = new Policies(this.#defaults, await ownPolicies(tx)).of(project);
    if (most === null) return;
    await tx.query("SELECT pg_advisory_xact_lock($1, hashtext($2))", [ADVISORY_CLASS, project]);
    const used = await usedBytes(tx, project);
    if (used > most) throw full(used, most, "that would use");
  }

  /** Refuses early what cannot fit. @throws {DomainError} `project-full`, with the figures */
  async checkFree(project: string | null): Promise<void> {
    if (project === null) return;
    const { storageBytes: most } = (await this.policies()).of(project);
    if (most === null) return;
    const used = await usedBytes(this.#database, project);
    if (used >= most) throw full(used, most, "it uses");
  }

  async #project(name: string, own: OwnPolicy): Promise<Project> {
    return { name, own, policy: { ...this.#defaults, ...own }, usedBytes: await usedBytes(this.#database, name) };
  }
}

async function ownPolicies(on: Pick<Queryable, "query">): Promise<ReadonlyMap<string, OwnPolicy>> {
  const { rows } = await on.query<{ name: string; policy: OwnPolicy }>("SELECT name, policy FROM sulcus.projects");
  return new Map(rows.map(({ name, policy }) => [name, policy]));
}

async function usedBytes(on: Pick<Queryable, "query">, project: string): Promise<number> {
  const { rows } = await on.query<{ used: string }>(
    `SELECT ((SELECT coalesce(sum(f.bytes), 0) FROM sulcus.datasets d JOIN sulcus.dataset_cases c ON c.dataset = d.id
                JOIN sulcus.dataset_files f ON f.case_id = c.id WHERE d.project = $1)
           + (SELECT coalesce(sum(v.bytes), 0) FROM sulcus.model_owners o JOIN sulcus.model_versions v ON v.name = o.name
                WHERE o.project = $1))::text AS used`,
    [project],
  );
  return Number(rows[0].used);
}

function full(used: number, most: number, verb: string): DomainError {
  return new DomainError(
    "project-full",
    `Cannot store it: ${verb} ${used} bytes of the project, and ${most} may be used. Delete data sets or versions of ` +
      "models, or have an administrator raise the bound",
  );
}

function checkName(name: string): void {
  if (PROJECT_NAME.test(name)) return;
  throw new DomainError(
    "invalid-name",
    "Cannot use the name of a project: expected 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit",
  );
}
