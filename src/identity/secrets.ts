/** Secrets: made of random bytes, kept as Argon2id, compared in constant time. */
import { timingSafeEqual } from "node:crypto";

/** 64 MiB, two passes: a quarter of a second of one core. Source: OWASP Password Storage Cheat Sheet. */
const COST = { memory: 65_536, passes: 2, parallelism: 1 } as const;

/** A new secret of 256 random bits, as text. */
export function newSecret(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** A stored form from which the secret cannot be found: `argon2id$memory$passes$salt$hash`. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const hash = await derive(secret, { ...COST, salt });
  return ["argon2id", COST.memory, COST.passes, salt.toBase64(), hash.toBase64()].join("$");
}

/** Reports whether a secret is the one that was stored. @throws {SyntaxError} a stored form of another kind */
export async function isSecret(secret: string, stored: string): Promise<boolean> {
  const [kind, memory, passes, salt, hash] = stored.split("$");
  if (kind !== "argon2id" || hash === undefined) {
    throw new SyntaxError(`Cannot check a secret: expected it stored as argon2id, got ${kind.slice(0, 20)}`);
  }
  const found = await derive(secret, {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: COST.parallelism,
    salt: Uint8Array.fromBase64(salt),
  });
  return timingSafeEqual(found, Uint8Array.fromBase64(hash));
}

interface Argon2 {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Uint8Array<ArrayBuffer>;
}

/** Runs outside the thread's loop. */
async function derive(secret: string, { salt, ...cost }: Argon2): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder().encode(secret);
  // The parameters of the draft "Modern Algorithms in the Web Cryptography API", which the types do not know yet.
  const algorithm: { name: string } & Record<string, unknown> = { name: "Argon2id", nonce: salt, ...cost };
  const key = await crypto.subtle.importKey("raw-secret" as "raw", bytes, "Argon2id", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 256));
}

/** A keyed digest that only this process can make: what is remembered of a secret in memory. */
export class Digester {
  readonly #key = crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);

  async of(text: string): Promise<string> {
    const digest = await crypto.subtle.sign("HMAC", await this.#key, new TextEncoder().encode(text));
    return new Uint8Array(digest).toBase64();
  }
}

/** The SHA-256 of a text: enough to store a secret of 256 random bits, and the same in every process. */
export async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}
