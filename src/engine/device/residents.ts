/** The sessions and resident tensors of a device, and the order in which sessions may end. */
import { EngineError } from "../errors.ts";
import type { RuntimeSession } from "../runtimes/runtime.ts";

export interface Resident<T> {
  readonly tensor: T;
  /** The session that made it on the device, if one did: its buffer cannot be freed once that session has ended. */
  readonly maker?: number | undefined;
}

export class Residents<T> {
  readonly #sessions = new Map<number, RuntimeSession<T>>();
  readonly #residents = new Map<string, Resident<T>>();
  /** Sessions that nobody will run again. */
  readonly #retired = new Set<number>();
  readonly #free: (tensor: T) => void;
  #nextSession = 1;

  constructor(free: (tensor: T) => void) {
    this.#free = free;
  }

  /** Keeps a session and returns its number. */
  add(session: RuntimeSession<T>): number {
    this.#sessions.set(this.#nextSession, session);
    return this.#nextSession++;
  }

  session(id: number): RuntimeSession<T> {
    return held(this.#sessions.get(id));
  }

  tensor(name: string): T {
    return held(this.#residents.get(name)).tensor;
  }

  /** Frees the resident of this name and puts another, if any, in its place. */
  async replace(name: string, next?: Resident<T>): Promise<void> {
    const old = this.#residents.get(name);
    if (old !== undefined) this.#free(old.tensor);
    this.#residents.delete(name);
    if (next !== undefined) this.#residents.set(name, next);
    await this.#releaseRetired();
  }

  /** Puts a resident in the place of one that has been freed by its download. */
  async set(name: string, next: Resident<T>): Promise<void> {
    this.#residents.set(name, next);
    await this.#releaseRetired();
  }

  /** Releases a session, if need be after the last resident that it made. */
  async release(id: number): Promise<void> {
    this.#retired.add(id);
    await this.#releaseRetired();
  }

  async #releaseRetired(): Promise<void> {
    const makers = new Set([...this.#residents.values()].map(({ maker }) => maker));
    for (const id of [...this.#retired].filter((id) => !makers.has(id))) {
      this.#retired.delete(id);
      await this.#sessions.get(id)?.release();
      this.#sessions.delete(id);
    }
  }
}

/** The parent names only sessions and residents that it has seen, so a missing one was lost with an earlier process. */
function held<T>(value: T | undefined): T {
  if (value === undefined) throw new EngineError("crashed", "The device process ended: load the model again");
  return value;
}
