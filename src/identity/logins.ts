/** Finds out who calls: by a token, by a provider's bearer token, or by the session of the web page. */
import { type Database, DomainError } from "../storage/mod.ts";
import type { Oidc } from "./oidc.ts";
import { QuotaError, RateLimit } from "./quotas.ts";
import { Sessions } from "./sessions.ts";
import type { LoginSettings } from "./settings.ts";
import { Tokens } from "./tokens.ts";
import { type Identity, LOCAL, NOBODY } from "./types.ts";

/** What a request shows. */
export interface Proof {
  readonly authorization: string | null;
  /** The secret of a session. */
  readonly session?: string;
  /** Address of the client. */
  readonly address: string;
}

/** Wrong proofs that one address may show in a minute. */
const FAILURES_PER_MINUTE = 60;

export class Logins {
  readonly kind: LoginSettings["kind"];
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly #settings: LoginSettings;
  #oidc: Promise<Oidc> | undefined;
  readonly #failures = new RateLimit(FAILURES_PER_MINUTE);

  constructor(database: Pick<Database, "query" | "transaction">, settings: LoginSettings) {
    this.#settings = settings;
    this.kind = settings.kind;
    this.tokens = new Tokens(database);
    this.sessions = new Sessions(database, this.tokens);
  }

  /** The login provider, where one is configured. Its libraries are loaded with the first use. */
  async provider(): Promise<Oidc | undefined> {
    const { kind, oidc } = this.#settings;
    if (kind !== "oidc" || oidc === undefined) return undefined;
    return await (this.#oidc ??= import("./oidc.ts").then(({ Oidc }) => new Oidc(oidc)));
  }

  /**
   * Who calls; {@link NOBODY} without a proof.
   * @throws {DomainError} `login-required` a proof that is not valid; `too-many-requests`, `login-unavailable`, `busy`
   */
  async identify({ authorization, session, address }: Proof): Promise<Identity> {
    if (this.kind === "none") return LOCAL;
    if (authorization === null && session === undefined) return NOBODY;
    const found = authorization !== null ? await this.#bearer(authorization) : await this.sessions.find(session!);
    if (found !== null) return found;
    if (authorization === null) return NOBODY; // a session that is over is like none
    const wait = this.#failures.take(address);
    if (wait > 0) {
      throw new QuotaError("too-many-requests", "Cannot check who you are: too many wrong tokens were sent", wait);
    }
    throw new DomainError(
      "login-required",
      "Cannot find out who you are: the token is not one of this server, was revoked, or has expired",
    );
  }

  /** Removes sessions that are over: nobody may open another for months. */
  async sweep(): Promise<void> {
    await this.sessions.sweep();
  }

  async #bearer(authorization: string): Promise<Identity | null> {
    const [, token] = /^bearer +([A-Za-z0-9._~+/=-]{1,16384})$/i.exec(authorization) ?? [];
    if (token === undefined) return null;
    if (token.startsWith("sulcus_")) return await this.tokens.verify(token);
    return await (await this.provider())?.verify(token) ?? null;
  }
}
