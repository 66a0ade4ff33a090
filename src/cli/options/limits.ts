/**
 * Settings that bound what clients may take: connections, time, work, reads of files, places in queues. Each is a whole
 * number, from a flag or the variable of the same name: `--work-voxels`, `SULCUS_WORK_VOXELS`.
 */
import { z } from "zod";
import type { ServerOptions } from "../../server/mod.ts";
import type { Args, Flags } from "../terminal/args.ts";
import type { Io } from "../terminal/io.ts";
import { readSettings, type Setting } from "./settings.ts";

interface Bound {
  readonly least?: number;
  readonly most: number;
  readonly help: string;
}

const GIB = 2 ** 30, DAY = 86_400;

const BOUNDS = {
  "max-connections": { most: 1e5, help: "Most open connections. Default 512" },
  "max-connections-per-address": {
    most: 1e5,
    help: "Most open connections of one address, but for trusted proxies. Default 128",
  },
  "header-seconds": { most: 3600, help: "How long a connection may take for a request's header. Default 20" },
  "idle-seconds": { most: 3600, help: "How long an upload may pause. Default 60" },
  "least-bytes-per-second": {
    least: 0,
    most: 1e8,
    help: "Fewest bytes a second of an upload, on average; 0: no bound. Default 4096",
  },
  "body-seconds": { most: 7 * DAY, help: "How long an upload may take as a whole. Default 7200" },
  "max-reads": { most: 1e4, help: "Most requests under way that bring files. Default 32" },
  "max-reads-per-identity": { most: 1e4, help: "Most of these of one identity. Default 8" },
  "work-voxels": { most: 1e11, help: "Most voxels of a volume, as it is and as it is resampled. Default 134217728" },
  "work-gigabytes": {
    most: 1e5,
    help: "Memory that a case or an update may be predicted to take. Default half of the machine's, at least 4",
  },
  "work-windows": { most: 1e9, help: "Most windows of one case. Default 50000" },
  "work-seconds": { most: 30 * DAY, help: "How long the windows of a case may be predicted to take. Default 1500" },
  "readers": { most: 1000, help: "Processes that read files of strangers side by side. Default 2" },
  "reader-gigabytes": { most: 1e5, help: "Memory of such a process. Default half of the machine's, 1 to 8" },
  "reader-seconds": { most: DAY, help: "How long it may take for a small file. Default 300" },
  "reader-places": { most: 1e4, help: "Files that may wait for such a process. Default 32" },
  "queue-requests": { most: 1e5, help: "Requests that may wait for the device. Default 8" },
  "queue-requests-per-identity": { most: 1e5, help: "Of these, of one identity. Default 4" },
  "queue-jobs": { most: 1e6, help: "Most open jobs of a queue that nobody waits for. Default 100" },
} as const satisfies Record<string, Bound>;
type Name = keyof typeof BOUNDS;

const NAMES = Object.keys(BOUNDS) as Name[];
const variableOf = (name: Name) => `SULCUS_${name.toUpperCase().replaceAll("-", "_")}`;
const perName = <T>(of: (name: Name) => T) =>
  Object.fromEntries(NAMES.map((name) => [name, of(name)])) as Record<Name, T>;

export const LIMIT_FLAGS: Flags = perName((name) => ({ value: "N", help: BOUNDS[name].help }));
export const LIMIT_VARIABLES: readonly string[] = NAMES.map(variableOf);

const SOURCES = perName((name): Setting => ({ flag: name, env: variableOf(name) }));

const schema = z.strictObject(perName((name) => {
  const { least = 1, most }: Bound = BOUNDS[name];
  const message = `expected a whole number from ${least} to ${most}`;
  return z.string().regex(/^\d{1,12}$/, message).transform(Number).refine((n) => n >= least && n <= most, message)
    .optional();
}));

/** A field where there is a value; the server knows its default. */
const where = <K extends string>(name: K, value: number | undefined, times = 1): Partial<Record<K, number>> =>
  value === undefined ? {} : { [name]: value * times } as Record<K, number>;

/**
 * The limits that are set; the server knows the others.
 * @throws {UsageError} naming the flag or variable that is wrong
 */
export function limitsOf(args: Args, env: Io["env"]) {
  const set = readSettings(SOURCES, schema, { args, env });
  return {
    limits: {
      ...where("connections", set["max-connections"]),
      ...where("connectionsPerAddress", set["max-connections-per-address"]),
      ...where("headerMs", set["header-seconds"], 1000),
      ...where("idleMs", set["idle-seconds"], 1000),
      ...where("leastBytesPerSecond", set["least-bytes-per-second"]),
      ...where("bodyMs", set["body-seconds"], 1000),
      ...where("reads", set["max-reads"]),
      ...where("readsPerIdentity", set["max-reads-per-identity"]),
    },
    work: {
      ...where("voxels", set["work-voxels"]),
      ...where("memoryBytes", set["work-gigabytes"], GIB),
      ...where("windows", set["work-windows"]),
      ...where("seconds", set["work-seconds"]),
    },
    readers: {
      ...where("together", set["readers"]),
      ...where("memoryBytes", set["reader-gigabytes"], GIB),
      ...where("timeoutMs", set["reader-seconds"], 1000),
      ...where("maxWaiting", set["reader-places"]),
    },
    queue: {
      ...where("waiting", set["queue-requests"]),
      ...where("waitingEach", set["queue-requests-per-identity"]),
      ...where("queued", set["queue-jobs"]),
    },
  } satisfies Pick<ServerOptions, "limits" | "work" | "readers" | "queue">;
}
