/** API tokens: made once, shown once, kept as Argon2id; with a role, projects and an end. */
import { type Database, DomainError, isUuid, type Witness } from "../storage/mod.ts";
import { BoundedMap } from "./bounded.ts";
import { Digester, hashSecret, isSecret, newSecret } from "./secrets.ts";
import type { Identity, Role } from "./types.ts";

export interface TokenWish {
  readonly name: string;
  /** The most that it may do. */
  readonly role: Role;
  readonly projects?: readonly string[];
  /** Default 90, at most 3,650. */
  readonly days?: number;
  readonly createdBy: string;
  readonly witness?: Witness;
}

/** A token as it is listed: without its secret, which nobody can show again. */
export interface Token {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly projects: readonly string[];
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt?: string;
}

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  readonly role: Role;
  readonly projects: readonly string[];
  readonly created_by: string;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
}

/** What a token looks like: `sulcus_`, its id, its secret. Scanners for leaked secrets can know it by this. */
const TEXT = /^sulcus_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;
const DEFAULT_DAYS = 90;
/** How long a verified token counts without another look at its row: so long after its end it may still be taken. */
const FRESH_MS = 10_000;
/** How long it counts while the database cannot be asked; nobody can revoke it meanwhile. */
const AWAY_MS = 900_000;
/** Checks of secrets that may wait for one another; each takes a quarter of a second and 64 MiB. */
const MOST_CHECKS = 8;

interface Verified {
  readonly row: TokenRow;
  readonly at: number;
}

export class Tokens {
  readonly #database: Pick<Database, "query" | "transaction">;
  readonly #digester = new Digester();
  /** Verified tokens by the keyed digest of their text. */
  readonly #verified = new BoundedMap<string, Verified>(1000);
  /** Digests of texts that are no tokens, so that their repetition costs nothing. */
  readonly #wrong = new BoundedMap<string, true>(10_000);
  #checks: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(database: Pick<Database, "query" | "transaction">) {
    this.#database = database;
  }

  /** Makes a token; its text is returned this once. */
  async create(
    { name, role, projects = [], days = DEFAULT_DAYS, createdBy, witness }: TokenWish,
  ): Promise<{ readonly token: Token; readonly text: string }> {
    const [id, secret] = [crypto.randomUUID(), newSecret()];
    const hash = await hashSecret(secret);
    const row = await this.#database.transaction(async (tx) => {
      const { rows } = await tx.query<TokenRow>(
        `INSERT INTO sulcus.tokens (id, name, hash, role, projects, created_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 day') RETURNING *`,
        [id, name, hash, role, JSON.stringify(projects), createdBy, days],
      );
      await witness?.(tx, id);
      return rows[0];
    });
    return { token: tokenOf(row), text: `sulcus_${id.replaceAll("-", "")}_${secret}` };
  }

  /** All of them, newest first. */
  async list(): Promise<Token[]> {
    const { rows } = await this.#database.query<TokenRow>(
      "SELECT * FROM sulcus.tokens ORDER BY created_at DESC, id LIMIT 1000",
    );
    return rows.map(tokenOf);
  }

  /** Ends a token now. @throws {DomainError} `not-found` */
  async revoke(id: string, { witness }: { readonly witness?: Witness } = {}): Promise<Token> {
    const row = await this.#database.transaction(async (tx) => {
      const { rows } = isUuid(id)
        ? await tx.query<TokenRow>(
          "UPDATE sulcus.tokens SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING *",
          [id],
        )
        : { rows: [] };
      if (!rows[0]) {
        throw new DomainError("not-found", "Cannot find this token: `sulcus token list` lists those there are");
      }
      await witness?.(tx);
      return rows[0];
    });
    this.#verified.clear();
    return tokenOf(row);
  }

  /**
   * The identity of a token's text; null where it is none, was revoked or has expired.
   * @throws {DomainError} `busy` too many others are being checked
   */
  async verify(text: string): Promise<Identity | null> {
    const [, hex, secret] = TEXT.exec(text) ?? [];
    if (secret === undefined) return null;
    const digest = await this.#digester.of(text);
    if (this.#wrong.get(digest)) return null;
    const known = this.#verified.get(digest);
    if (known && Date.now() - known.at < FRESH_MS) return identityIfValid(known.row);
    const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    const row = await this.#row(id).catch((error) => {
      if (known && Date.now() - known.at < AWAY_MS) return null;
      throw error;
    });
    if (row === null) return identityIfValid(known!.row);
    if (row === undefined || identityIfValid(row) === null) return null;
    if (known?.row.hash !== row.hash && !await this.#isSecret(secret, row.hash)) {
      this.#wrong.set(digest, true);
      return null;
    }
    this.#verified.set(digest, { row, at: Date.now() });
    return identityIfValid(row);
  }

  /** The identity of a token by its id, as long as it is valid. */
  async find(id: string): Promise<Identity | null> {
    const row = await this.#row(id);
    return row ? identityIfValid(row) : null;
  }

  async #row(id: string): Promise<TokenRow | undefined> {
    const { rows } = await this.#database.query<TokenRow>("SELECT * FROM sulcus.tokens WHERE id = $1", [id]);
    return rows[0];
  }

  /** Checks one secret at a time, so that guesses take neither the memory nor the cores of others. */
  async #isSecret(secret: string, hash: string): Promise<boolean> {
    if (this.#waiting >= MOST_CHECKS) {
      throw new DomainError("busy", `Cannot check the token now: ${MOST_CHECKS} others are being checked`);
    }
    this.#waiting++;
    const check = this.#checks.then(() => isSecret(secret, hash));
    this.#checks = check.catch(() => {});
    return await check.finally(() => this.#waiting--);
  }
}

function identityIfValid({ id, name, role, projects, expires_at, revoked_at }: TokenRow): Identity | null {
  if (revoked_at !== null || expires_at.getTime() <= Date.now()) return null;
  return { id: `token:${id}`, name, roles: [role], projects, via: "token" };
}

function tokenOf(row: TokenRow): Token {
  const { id, name, role, projects, created_by, created_at, expires_at, revoked_at } = row;
  return {
    id,
    name,
    role,
    projects,
    createdBy: created_by,
    createdAt: created_at.toISOString(),
    expiresAt: expires_at.toISOString(),
    ...(revoked_at && { revokedAt: revoked_at.toISOString() }),
  };
}
