/** The open connections of a server, bounded in total and by address. */
import type { Connection } from "./connection.ts";

export interface ConnectionLimits {
  /** Open connections at most. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** True for an address whose connections are bounded in total only. */
  readonly isProxy: (address: string) => boolean;
}

/** Why a connection is refused. */
export type ConnectionRefusal = "total" | "address";

export class OpenConnections {
  readonly #limits: ConnectionLimits;
  readonly #open = new Set<Connection>();
  readonly #byAddress = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Why one more connection of this address is too many; undefined where it is not. */
  refusal(address: string): ConnectionRefusal | undefined {
    if (this.#open.size >= this.#limits.connections) return "total";
    if (this.#limits.isProxy(address)) return undefined;
    const ofAddress = this.#byAddress.get(networkOf(address)) ?? 0;
    return ofAddress >= this.#limits.connectionsPerAddress ? "address" : undefined;
  }

  /** Counts a connection until it is closed. */
  add(connection: Connection): void {
    const network = networkOf(connection.remoteAddr.hostname);
    this.#open.add(connection);
    this.#byAddress.set(network, (this.#byAddress.get(network) ?? 0) + 1);
    connection.once("close", () => {
      this.#open.delete(connection);
      const left = this.#byAddress.get(network)! - 1;
      if (left === 0) this.#byAddress.delete(network);
      else this.#byAddress.set(network, left);
      if (this.#open.size === 0) this.#waiting.forEach((resolve) => resolve());
    });
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#open.values();
  }

  /** Waits until the last one is closed. */
  async allClosed(): Promise<void> {
    if (this.#open.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await promise;
  }
}

/** The part of an address that one client has: the whole of IPv4, the first 64 bits of IPv6. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1];
  if (!address.includes(":")) return address;
  const [head, tail] = address.split("%")[0].split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(Math.max(0, zeros)).fill("0"), ...after];
  return groups.slice(0, 4).map((group) => group.toLowerCase().replace(/^0+(?=.)/, "")).join(":");
}

/** Files that the program needs besides connections: with the embedded database it has 184 open when nobody calls. */
const OTHER_FILES = 256;
/** Files that one request may have open at a time: its connection and the spool files of an upload or a reply. */
const FILES_PER_CONNECTION = 2;

/** Fewer connections serve nobody. */
const LEAST_CONNECTIONS = 4;

/** The connections for which a process that may open `files` files has enough; `wished` where that is less. */
export function affordable(wished: number, files: number): number {
  return Math.max(LEAST_CONNECTIONS, Math.min(wished, Math.floor((files - OTHER_FILES) / FILES_PER_CONNECTION)));
}

/** Why a process that may open `files` files cannot serve, and what to do; null: it can. */
export function whyTooFewFiles(files: number): string | null {
  const least = OTHER_FILES + LEAST_CONNECTIONS * FILES_PER_CONNECTION;
  if (files >= least) return null;
  return `Cannot start the server: this process may have ${files} files open (ulimit -n), expected at least ${least}, ` +
    `and ${
      OTHER_FILES + 512 * FILES_PER_CONNECTION
    } for all connections. Raise the limit: ulimit -n 4096 in the shell, ` +
    "LimitNOFILE=4096 in a systemd unit, --ulimit nofile=4096 for a container";
}

/** How many files this process may open; Infinity where the system does not say. */
export function mostFiles(): number {
  if (Deno.build.os !== "linux") return Infinity;
  const soft = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"));
  return soft === null ? Infinity : Number(soft[1]);
}
