/** Settings of how slow clients may be, and of how many connections they may hold. */
import { z } from "zod";
import type { ServerOptions } from "../../server/mod.ts";
import type { Args, Flags } from "../terminal/args.ts";
import type { Io } from "../terminal/io.ts";
import { readSettings, type Setting } from "./settings.ts";

export const LIMIT_FLAGS = {
  "max-connections": { value: "N", help: "Most open connections. Default 512" },
  "max-connections-per-address": {
    value: "N",
    help: "Most open connections of one address, but for trusted proxies. Default 128",
  },
  "header-seconds": { value: "N", help: "How long a connection may take for a request's header. Default 20" },
  "idle-seconds": { value: "N", help: "How long an upload may pause. Default 60" },
  "least-bytes-per-second": {
    value: "N",
    help: "Fewest bytes a second of an upload, on average; 0: no bound. Default 4096",
  },
  "body-seconds": { value: "N", help: "How long an upload may take as a whole. Default 7200" },
} as const satisfies Flags;

const SOURCES = {
  connections: { flag: "max-connections", env: "SULCUS_MAX_CONNECTIONS" },
  connectionsPerAddress: { flag: "max-connections-per-address", env: "SULCUS_MAX_CONNECTIONS_PER_ADDRESS" },
  header: { flag: "header-seconds", env: "SULCUS_HEADER_SECONDS" },
  idle: { flag: "idle-seconds", env: "SULCUS_IDLE_SECONDS" },
  leastBytesPerSecond: { flag: "least-bytes-per-second", env: "SULCUS_LEAST_BYTES_PER_SECOND" },
  body: { flag: "body-seconds", env: "SULCUS_BODY_SECONDS" },
} as const satisfies Record<string, Setting>;

const whole = (least: number, most: number) =>
  z.string().regex(/^\d{1,9}$/, `expected a whole number from ${least} to ${most}`).transform(Number)
    .refine((n) => n >= least && n <= most, `expected a whole number from ${least} to ${most}`).optional();

const schema = z.strictObject({
  connections: whole(1, 100_000),
  connectionsPerAddress: whole(1, 100_000),
  header: whole(1, 3600),
  idle: whole(1, 3600),
  leastBytesPerSecond: whole(0, 100_000_000),
  body: whole(1, 7 * 86_400),
});

/**
 * The limits that are set; the server knows the others.
 * @throws {UsageError} naming the flag or variable that is wrong
 */
export function limitsOf(args: Args, env: Io["env"]): NonNullable<ServerOptions["limits"]> {
  const { header, idle, body, ...counts } = readSettings(SOURCES, schema, { args, env });
  return {
    ...counts,
    ...header !== undefined && { headerMs: header * 1000 },
    ...idle !== undefined && { idleMs: idle * 1000 },
    ...body !== undefined && { bodyMs: body * 1000 },
  };
}
