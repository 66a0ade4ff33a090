/** Who may see and use which data set, model or job. An object without an owner is everybody's who has the role. */
import { type Database, DomainError, isUuid, type Witness } from "../storage/mod.ts";
import { Projects } from "./projects.ts";
import { hasRole, type Identity, ownerOf } from "./types.ts";

/** Kinds of objects that belong to somebody. */
export type ObjectKind = "model" | "dataset" | "job";

/** An object that a request is about; `id` is a model's name, or the id of a data set or job. */
export interface ObjectName {
  readonly kind: ObjectKind;
  readonly id: string;
}

/** Whose an object is. Neither owner nor project: everybody's. */
export interface Holders {
  readonly owner: string | null;
  /** Its members see and use the object like its owner. */
  readonly project: string | null;
}

const EVERYBODY: Holders = { owner: null, project: null };

const SELECT: Readonly<Record<ObjectKind, string>> = {
  job: "SELECT owner, NULL AS project FROM sulcus.jobs WHERE id = $1",
  dataset: "SELECT owner, project FROM sulcus.datasets WHERE id = $1",
  model: "SELECT owner, project FROM sulcus.model_owners WHERE name = $1",
};
const UPDATE: Readonly<Record<Exclude<ObjectKind, "job">, string>> = {
  dataset: "UPDATE sulcus.datasets SET owner = $2, project = $3 WHERE id = $1",
  model: `INSERT INTO sulcus.model_owners (name, owner, project) VALUES ($1, $2, $3)
          ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, project = excluded.project`,
};
/** The words with which the rooms refuse what does not exist: another's object must not be told from it. */
const NOT_FOUND: Readonly<Record<ObjectKind, string>> = {
  job: "Cannot find this job: `GET /v1/jobs` lists those there are",
  dataset: "Cannot find this data set: `GET /v1/datasets` lists those there are",
  model: "Cannot find this model: `sulcus models` lists those there are, over HTTP `GET /v1/models`",
};

export function mayReach(identity: Identity, { owner, project }: Holders): boolean {
  if (owner === null && project === null) return true;
  if (hasRole(identity, "admin")) return true;
  return owner === ownerOf(identity) || (project !== null && identity.projects.includes(project));
}

export class Access {
  readonly #database: Pick<Database, "query" | "transaction">;

  readonly #projects: Pick<Projects, "checkSpace">;

  constructor(
    database: Pick<Database, "query" | "transaction">,
    projects: Pick<Projects, "checkSpace"> = new Projects(database),
  ) {
    this.#database = database;
    this.#projects = projects;
  }

  /** Whose it is; of what does not exist: everybody's. */
  async holders({ kind, id }: ObjectName): Promise<Holders> {
    if (kind !== "model" && !isUuid(id)) return EVERYBODY;
    const { rows } = await this.#database.query<Holders>(SELECT[kind], [id]);
    return rows[0] ?? EVERYBODY;
  }

  /** @throws {DomainError} `not-found` it belongs to others, with the words for what does not exist */
  async check(identity: Identity, object: ObjectName): Promise<void> {
    if (hasRole(identity, "admin")) return;
    if (!mayReach(identity, await this.holders(object))) throw new DomainError("not-found", NOT_FOUND[object.kind]);
  }

  /**
   * Whose something new is: whoever makes it, and the project that they name, of which they are a member.
   * Administrators may name any.
   * @throws {DomainError} `not-permitted`
   */
  holdersOfNew(identity: Identity, project: string | null = null): Holders {
    if (project === null || hasRole(identity, "admin") || identity.projects.includes(project)) {
      return { owner: ownerOf(identity), project };
    }
    throw new DomainError("not-permitted", "Cannot give it to this project: you are no member of it");
  }

  /** Names of models that an identity may not see. */
  async hiddenModels(identity: Identity): Promise<ReadonlySet<string>> {
    if (hasRole(identity, "admin")) return new Set();
    const { rows } = await this.#database.query<Holders & { name: string }>(
      "SELECT name, owner, project FROM sulcus.model_owners WHERE owner IS NOT NULL OR project IS NOT NULL",
    );
    return new Set(rows.filter((row) => !mayReach(identity, row)).map(({ name }) => name));
  }

  /** Ids of data sets that an identity may not see. */
  async hiddenDatasets(identity: Identity): Promise<ReadonlySet<string>> {
    if (hasRole(identity, "admin")) return new Set();
    const { rows } = await this.#database.query<Holders & { id: string }>(
      "SELECT id, owner, project FROM sulcus.datasets WHERE owner IS NOT NULL OR project IS NOT NULL",
    );
    return new Set(rows.filter((row) => !mayReach(identity, row)).map(({ id }) => id));
  }

  /**
   * Makes a name of models the identity's own where it is new; versions of a model that others have are refused.
   * @throws {DomainError} `conflict`
   */
  async claimModel(identity: Identity, name: string): Promise<void> {
    const owner = ownerOf(identity);
    if (owner === null) return;
    await this.#database.query(
      `INSERT INTO sulcus.model_owners (name, owner)
       SELECT $1::text, $2::text WHERE NOT EXISTS (SELECT 1 FROM sulcus.model_versions WHERE name = $1)
       ON CONFLICT (name) DO NOTHING`,
      [name, owner],
    );
    if (mayReach(identity, await this.holders({ kind: "model", id: name }))) return;
    throw new DomainError("conflict", "Cannot make a model of this name: somebody else has it; choose another name");
  }

  /**
   * Gives an object to its owner alone, to a project, or to everybody. Only its owner and administrators may, and only
   * administrators for everybody or for a project that they are no member of.
   * @throws {DomainError} `not-permitted`, `project-full`
   */
  async share(
    identity: Identity,
    { kind, id }: ObjectName & { readonly kind: Exclude<ObjectKind, "job"> },
    { with: wish, witness }: {
      readonly with: { readonly project: string | null } | "everybody";
      readonly witness?: Witness;
    },
  ): Promise<Holders> {
    const found = await this.holders({ kind, id });
    const isAdmin = hasRole(identity, "admin");
    const project = wish === "everybody" ? null : wish.project;
    const may = isAdmin || (wish !== "everybody" && found.owner !== null && found.owner === ownerOf(identity) &&
      (project === null || identity.projects.includes(project)));
    if (!may) {
      throw new DomainError(
        "not-permitted",
        "Cannot share it so: its owner may give it to a project that they are a member of, an administrator to anybody",
      );
    }
    const owner = wish === "everybody" ? null : found.owner ?? ownerOf(identity);
    await this.#database.transaction(async (tx) => {
      await tx.query(UPDATE[kind], [id, owner, project]);
      await this.#projects.checkSpace(tx, project);
      await witness?.(tx);
    });
    return { owner, project };
  }
}
