/** What a server is started with, complete and checked, wherever the values come from; and the versions it is made of. */
import project from "../../deno.json" with { type: "json" };
import type { Provider } from "../engine/mod.ts";

/** Largest bodies, bytes, and patience. */
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
}

export const DEFAULT_LIMITS: Limits = {
  jsonBytes: 1e6,
  fileBytes: 2 * 2 ** 30,
  formBytes: 8 * 2 ** 30,
  importBytes: 16 * 2 ** 30,
  packageBytes: 4 * 2 ** 30,
  idleMs: 60_000,
};

export interface ServerSettings {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly dataDirectory: string;
  /** Packages that came with the program. */
  readonly modelsDirectory?: string;
  readonly provider: Provider | "auto";
  /** `postgres://…`; absent: embedded. */
  readonly databaseUrl?: string;
  /** Name of the model that tells whether volumes look like what they are called, where it is served; null: no check. */
  readonly modalityCheck: string | null;
  /** Names under which browsers may reach the server beside the loopback ones and `host`. */
  readonly allowedHosts: readonly string[];
  readonly limits: Limits;
  /** How long the mask of a job is kept. */
  readonly resultHours: number;
  /** How long open requests may take to end when the server stops. */
  readonly stopSeconds: number;
}

/** Addresses that only this machine can reach. */
export const LOOPBACK_HOSTS: readonly string[] = ["127.0.0.1", "localhost", "[::1]", "::1"];

export const SULCUS_VERSION = project.version;
export const ONNXRUNTIME_VERSION = project.imports["onnxruntime-node"].split("@").at(-1)!;
