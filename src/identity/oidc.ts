/**
 * OpenID Connect: logins of people by authorisation code with PKCE, bearer tokens of programs. The protocol is
 * `openid-client`'s, the signatures are `jose`'s; here is what must be true of a token before it counts.
 */
import { createRemoteJWKSet, errors as joseErrors, jwtVerify, type JWTVerifyGetKey } from "jose";
import * as client from "openid-client";
import { DomainError } from "../storage/mod.ts";
import { identityOf } from "./claims.ts";
import type { OidcSettings } from "./settings.ts";
import type { Identity } from "./types.ts";

/** Signatures by keys whose private half only the provider has. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const CLOCK_SECONDS = 30;
/** A provider that did not answer is asked again after this. */
const RETRY_MS = 5000;
const TIMEOUT_SECONDS = 10;
/** The provider's keys could not be fetched: says nothing about the token. */
const NO_KEYS: ReadonlySet<string> = new Set([joseErrors.JWKSTimeout.code, joseErrors.JOSEError.code]);

/** The secrets of one login under way: the browser that began it keeps them in a cookie. */
export interface PendingLogin {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

interface Provider {
  readonly configuration: client.Configuration;
  readonly keys: JWTVerifyGetKey;
}

export class Oidc {
  readonly #settings: OidcSettings;
  readonly #keysCooldownMs: number;
  #provider: Promise<Provider> | undefined;
  #failedAt = -Infinity;

  /** @param options.keysCooldownMs how long after a look for new keys another one waits */
  constructor(settings: OidcSettings, { keysCooldownMs = 10_000 } = {}) {
    this.#settings = settings;
    this.#keysCooldownMs = keysCooldownMs;
  }

  /** Where to send a browser, and what to remember until it returns. @throws {DomainError} `login-unavailable` */
  async begin(redirectUri: string): Promise<{ readonly url: URL; readonly pending: PendingLogin }> {
    const { configuration } = await this.#open();
    const pending = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
    };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: this.#settings.scopes,
      code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: "S256",
      state: pending.state,
      nonce: pending.nonce,
    });
    return { url, pending };
  }

  /**
   * Who has logged in, by the address to which the provider sent the browser back.
   * @throws {DomainError} `login-failed`, `login-unavailable`
   */
  async finish(returned: URL, { state, nonce, verifier }: PendingLogin): Promise<Identity> {
    const { configuration } = await this.#open();
    try {
      const tokens = await client.authorizationCodeGrant(configuration, returned, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      });
      return await identityOf(tokens.claims()!, this.#settings);
    } catch (cause) {
      throw new DomainError(
        "login-failed",
        "Cannot log in: the provider's answer is not one to this login; try again",
        {
          cause,
        },
      );
    }
  }

  /**
   * The identity of a bearer token; null where anything about it is wrong: signature, issuer, audience, time, type.
   * @throws {DomainError} `login-unavailable`
   */
  async verify(token: string): Promise<Identity | null> {
    const { issuer, audience, tokenType } = this.#settings;
    if (audience === undefined) return null;
    const { keys, configuration } = await this.#open();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: configuration.serverMetadata().issuer ?? issuer,
        audience,
        typ: tokenType,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_SECONDS,
        requiredClaims: ["sub", "exp", "iss", "aud"],
      });
      return await identityOf({ ...payload, sub: payload.sub! }, this.#settings);
    } catch (error) {
      if (error instanceof joseErrors.JOSEError && !NO_KEYS.has(error.code)) return null;
      throw unavailable(error);
    }
  }

  /** Asks for the provider's description once it is needed, and again after a failure. */
  #open(): Promise<Provider> {
    if (Date.now() - this.#failedAt < RETRY_MS) throw unavailable();
    return this.#provider ??= discover(this.#settings, this.#keysCooldownMs).catch((error) => {
      this.#provider = undefined;
      this.#failedAt = Date.now();
      throw unavailable(error);
    });
  }
}

async function discover(
  { issuer, clientId, clientSecret }: OidcSettings,
  keysCooldownMs: number,
): Promise<Provider> {
  const address = new URL(issuer);
  const isPlain = address.protocol === "http:"; // settings allow it on loopback only
  const configuration = await client.discovery(
    address,
    clientId,
    undefined,
    clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret),
    { timeout: TIMEOUT_SECONDS, execute: isPlain ? [client.allowInsecureRequests] : [] },
  );
  const { jwks_uri } = configuration.serverMetadata();
  if (jwks_uri === undefined) throw new TypeError("Cannot use the provider: its description names no keys (jwks_uri)");
  // A key that is not known yet is looked for again, though not again and again: so keys may be changed at any time.
  const keys = createRemoteJWKSet(new URL(jwks_uri), {
    cooldownDuration: keysCooldownMs,
    cacheMaxAge: 600_000,
    timeoutDuration: TIMEOUT_SECONDS * 1000,
  });
  return { configuration, keys };
}

function unavailable(cause?: unknown): DomainError {
  return new DomainError(
    "login-unavailable",
    "Cannot check who you are: the login provider does not answer; try later",
    {
      cause,
    },
  );
}
