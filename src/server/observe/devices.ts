/** What this machine can run networks on, probed in the background; again, when asked, while nothing it needs is ready. */
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

  /** Begins to probe at once. */
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

  /** What was found; undefined while probing. */
  get known(): readonly Device[] | undefined {
    return this.#known;
  }

  /** Waits for the probe, but not longer than `timeoutMs`; then an empty list. */
  async list(timeoutMs: number): Promise<readonly Device[]> {
    return await deadline(this.#found, timeoutMs).catch(() => []);
  }

  /** Whether a wanted provider can be used; undefined during the first probe. If not, it is soon looked for again. */
  ready(wanted: Provider | "auto"): boolean | undefined {
    const ready = this.#known?.some(({ provider, state }) =>
      state === "ready" && (wanted === "auto" || provider === wanted)
    );
    if (ready === false && performance.now() - this.#probedAt >= this.#againMs) this.#found = this.#look();
    return ready;
  }
}
