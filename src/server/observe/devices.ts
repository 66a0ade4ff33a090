/** Devices of this machine, probed in the background, and again while no wanted device is ready. */
import { type Device, type Provider, PROVIDERS } from "../../engine/mod.ts";
import { deadline } from "./health.ts";

/** Pause after a probe that found no usable device. */
const AGAIN_MS = 30_000;

export class DeviceState {
  readonly #probe: () => Promise<readonly Device[]>;
  readonly #againMs: number;
  #found: Promise<readonly Device[]>;
  #known: readonly Device[] | undefined;
  /** When the last probe ended; Infinity while one runs. */
  #probedAt = Infinity;

  /** Starts to probe at once. */
  constructor(probe: () => Promise<readonly Device[]>, { againMs = AGAIN_MS }: { readonly againMs?: number } = {}) {
    this.#probe = probe;
    this.#againMs = againMs;
    this.#found = this.#look();
  }

  async #look(): Promise<readonly Device[]> {
    this.#probedAt = Infinity;
    this.#known = await this.#probe().catch((): Device[] =>
      PROVIDERS.map((provider) => ({ provider, name: provider, state: "failed", reason: "It could not be probed" }))
    );
    this.#probedAt = performance.now();
    return this.#known;
  }

  /** The devices found; undefined during the first probe. */
  get known(): readonly Device[] | undefined {
    return this.#known;
  }

  /** Waits for the probe; returns an empty list after `timeoutMs`. */
  async list(timeoutMs: number): Promise<readonly Device[]> {
    return await deadline(this.#found, timeoutMs).catch(() => []);
  }

  /**
   * True where a wanted provider is ready; undefined during the first probe. Where none is, a new probe starts soon.
   */
  ready(wanted: Provider | "auto"): boolean | undefined {
    const ready = this.#known?.some(({ provider, state }) =>
      state === "ready" && (wanted === "auto" || provider === wanted)
    );
    if (ready === false && performance.now() - this.#probedAt >= this.#againMs) this.#found = this.#look();
    return ready;
  }
}
