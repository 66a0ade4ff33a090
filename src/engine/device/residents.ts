/** The sessions and resident tensors of a device, and the order in which they may be freed. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { bytesOf } from "../../tensor/mod.ts";
import { EngineError } from "../errors.ts";
import { typeOf } from "./ort_tensors.ts";

export interface Resident {
  readonly tensor: Tensor;
  /** The session whose run made it on the device: the buffer cannot be freed once that session is released. */
  readonly maker?: number;
}

export class Residents {
  readonly #sessions = new Map<number, InferenceSession>();
  readonly #residents = new Map<string, Resident>();
  /** Sessions that nobody will run again. */
  readonly #retired = new Set<number>();
  #nextSession = 1;

  /** Keeps a session and returns its number. */
  addSession(session: InferenceSession): number {
    this.#sessions.set(this.#nextSession, session);
    return this.#nextSession++;
  }

  session(id: number): InferenceSession {
    return held(this.#sessions.get(id));
  }

  /** Releases a session, if need be after the last resident that it made. */
  async release(id: number): Promise<void> {
    this.#retired.add(id);
    await this.#releaseRetired();
  }

  tensor(name: string): Tensor {
    return held(this.#residents.get(name)).tensor;
  }

  /** Puts a resident in the place of one whose memory is freed. */
  async set(name: string, resident: Resident): Promise<void> {
    this.#residents.set(name, resident);
    await this.#releaseRetired();
  }

  /** Frees the resident of this name and puts another, if any, in its place. Returns the bytes that V8 may now collect. */
  async replace(name: string, next?: Resident): Promise<number> {
    const old = this.#residents.get(name)?.tensor;
    const bytes = old?.location === "cpu" ? bytesOf(typeOf(old)) : 0;
    old?.dispose();
    this.#residents.delete(name);
    if (next !== undefined) this.#residents.set(name, next);
    await this.#releaseRetired();
    return bytes;
  }

  /** Releases retired sessions, but not those whose buffers on the device are in use. */
  async #releaseRetired(): Promise<void> {
    if (this.#retired.size === 0) return;
    const makers = new Set<number | undefined>();
    for (const { tensor, maker } of this.#residents.values()) if (tensor.location !== "cpu") makers.add(maker);
    for (const id of [...this.#retired].filter((s) => !makers.has(s))) {
      this.#retired.delete(id);
      await this.#sessions.get(id)?.release();
      this.#sessions.delete(id);
    }
  }
}

/** The parent names only what it saw here, so what is missing was lost with an earlier process. */
function held<T>(value: T | undefined): T {
  if (value === undefined) throw new EngineError("crashed", "The device process ended: load the model again");
  return value;
}
