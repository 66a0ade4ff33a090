/** Sessions of people at the web page: rows, so that a logout is real and a restart ends none. */
import type { Database } from "../storage/mod.ts";
import { BoundedMap } from "./bounded.ts";
import { newSecret, sha256 } from "./secrets.ts";
import type { Tokens } from "./tokens.ts";
import type { Identity } from "./types.ts";

export const SESSION_HOURS = 8;
/** How long a session counts without another look at its row: a logout elsewhere takes effect after this. */
const FRESH_MS = 5000;
const SECRET = /^[A-Za-z0-9_-]{43}$/;

interface Known {
  readonly identity: Identity;
  readonly at: number;
}

export class Sessions {
  readonly #database: Pick<Database, "query">;
  readonly #tokens: Tokens;
  /** By the digest of their secret. */
  readonly #known = new BoundedMap<string, Known>(1000);

  constructor(database: Pick<Database, "query">, tokens: Tokens) {
    this.#database = database;
    this.#tokens = tokens;
  }

  /** Opens a session and returns its secret, for a cookie; removes those that are over. */
  async open(identity: Identity): Promise<string> {
    const secret = newSecret();
    await this.sweep();
    await this.#database.query(
      "INSERT INTO sulcus.sessions (digest, identity, expires_at) VALUES ($1, $2, now() + $3 * interval '1 hour')",
      [await sha256(secret), JSON.stringify(identity), SESSION_HOURS],
    );
    return secret;
  }

  /** Who opened it; null where there is none, or its token has ended. */
  async find(secret: string): Promise<Identity | null> {
    if (!SECRET.test(secret)) return null;
    const digest = await sha256(secret);
    const known = this.#known.get(digest);
    if (known && Date.now() - known.at < FRESH_MS) return known.identity;
    const { rows } = await this.#database.query<{ identity: Identity }>(
      "SELECT identity FROM sulcus.sessions WHERE digest = $1 AND expires_at > now()",
      [digest],
    );
    const stored = rows[0]?.identity ?? null;
    // A session that a token opened may do what the token may, and ends with it.
    const identity = stored?.via === "token" ? await this.#tokens.find(stored.id.replace(/^token:/, "")) : stored;
    if (identity === null) this.#known.delete(digest);
    else this.#known.set(digest, { identity, at: Date.now() });
    return identity;
  }

  /** Removes those that are over. */
  async sweep(): Promise<void> {
    await this.#database.query("DELETE FROM sulcus.sessions WHERE expires_at <= now()");
  }

  async close(secret: string): Promise<void> {
    const digest = await sha256(secret);
    this.#known.delete(digest);
    await this.#database.query("DELETE FROM sulcus.sessions WHERE digest = $1", [digest]);
  }
}
