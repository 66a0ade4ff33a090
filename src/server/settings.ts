/** Settings of a server, complete and checked, wherever they come from; and the versions of the program. */
import project from "../../deno.json" with { type: "json" };
import type { BlockList } from "node:net";
import type { Provider } from "../engine/mod.ts";
import type { LoginSettings, Policy, Quotas } from "../identity/mod.ts";
import type { PackagedReports } from "../registry/mod.ts";

/** Largest bodies in bytes, how slow a client may be, and how many connections there may be. */
export interface Limits {
  readonly jsonBytes: number;
  /** One volume. */
  readonly fileBytes: number;
  /** All volumes of one request. */
  readonly formBytes: number;
  /** A data set's archive. */
  readonly importBytes: number;
  /** A model package. */
  readonly packageBytes: number;
  /** How long an upload may pause, ms. */
  readonly idleMs: number;
  /** Fewest bytes a second that an upload must bring, on average, once it has lasted for `idleMs`. */
  readonly leastBytesPerSecond: number;
  /** How long a body may take as a whole, ms. */
  readonly bodyMs: number;
  /** How long a connection may take for a request's header, ms. */
  readonly headerMs: number;
  /** Open connections; further ones are refused. */
  readonly connections: number;
  /** Open connections of one address. */
  readonly connectionsPerAddress: number;
  /** Requests under way that read files of strangers, such as imports; in all, and of one identity. */
  readonly reads: number;
  readonly readsPerIdentity: number;
}

export const DEFAULT_LIMITS: Limits = {
  jsonBytes: 1e6,
  fileBytes: 2 * 2 ** 30,
  formBytes: 8 * 2 ** 30,
  importBytes: 16 * 2 ** 30,
  packageBytes: 4 * 2 ** 30,
  idleMs: 60_000,
  leastBytesPerSecond: 4096,
  bodyMs: 2 * 3600_000,
  headerMs: 20_000,
  connections: 512,
  connectionsPerAddress: 128,
  reads: 32,
  readsPerIdentity: 8,
};

export interface ServerSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly dataDirectory: string;
  /** Folder of the packages that came with the program. */
  readonly modelsDirectory?: string;
  readonly provider: Provider | "auto";
  /** `postgres://…`; absent: embedded. */
  readonly databaseUrl?: string;
  /**
   * Name of the model that warns of volumes that do not look like their modality, where it is served; null: no check.
   */
  readonly modalityCheck: string | null;
  /** Names under which browsers may reach the server, besides the loopback ones and `host`. */
  readonly allowedHosts: readonly string[];
  /** How people and programs prove who they are. */
  readonly login: LoginSettings;
  /** How much one identity may ask for. */
  readonly identityQuotas: Quotas;
  /** Where browsers reach the server: `https://sulcus.example.org`. */
  readonly publicUrl?: string;
  /** Browsers reach it over TLS: cookies are sent over TLS only. */
  readonly secure: boolean;
  /** TLS of the server itself: certificate chain and key as PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Proxies whose X-Forwarded-For counts. */
  readonly trustedProxies: BlockList;
  /** Others may reach it without login, or under any name. */
  readonly insecure: boolean;
  readonly limits: Limits;
  /** Packages of new trainings number their cases, or name them and show pictures. */
  readonly packagedReports: PackagedReports;
  /** What is kept where a project does not say it. */
  readonly retention: Policy;
  /** How long open requests may take when the server stops. */
  readonly stopSeconds: number;
}

/** Hosts that only this machine can reach. */
export const LOOPBACK_HOSTS: readonly string[] = ["127.0.0.1", "localhost", "[::1]", "::1"];

/** Why others could do what they must not on these settings; null: they cannot. */
export function whyUnprotected(
  { host, insecure, login, allowedHosts, publicUrl }: Pick<
    ServerSettings,
    "host" | "insecure" | "login" | "allowedHosts" | "publicUrl"
  >,
): string | null {
  if (LOOPBACK_HOSTS.includes(host) || insecure) return null;
  const missing = [
    ...(login.kind === "none" ? ["a login (--login token or oidc)"] : []),
    ...(allowedHosts.length === 0 && publicUrl === undefined
      ? ["the names under which it is reached (--allowed-hosts)"]
      : []),
  ];
  if (missing.length === 0) return null;
  return `Cannot listen on ${host}: others can reach it, so it needs ${
    missing.join(" and ")
  }, see docs/login.md; or give ` +
    "--insecure to let everybody who reaches it do everything";
}

export const SULCUS_VERSION = project.version;
export const ONNXRUNTIME_VERSION = project.imports["onnxruntime-node"].split("@").at(-1)!;
