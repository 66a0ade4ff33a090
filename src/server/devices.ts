/** What this machine can run networks on, probed once in the background. */
import { type Device, type Provider, PROVIDERS } from "../engine/mod.ts";
import { deadline } from "./deadline.ts";

export class DeviceState {
  readonly #found: Promise<readonly Device[]>;
  #known: readonly Device[] | undefined;

  /** Begins to probe at once. */
  constructor(probe: () => Promise<readonly Device[]>) {
    this.#found = probe().catch((): Device[] =>
      PROVIDERS.map((provider) => ({ provider, name: provider, state: "failed", reason: "It could not be probed" }))
    ).then((devices) => this.#known = devices);
  }

  /** What was found; undefined while probing. */
  get known(): readonly Device[] | undefined {
    return this.#known;
  }

  /** Waits for the probe, but not longer than `timeoutMs`; then an empty list. */
  async list(timeoutMs: number): Promise<readonly Device[]> {
    return await deadline(this.#found, timeoutMs).catch(() => []);
  }

  /** Whether a wanted provider can be used; undefined while probing. */
  ready(wanted: Provider | "auto"): boolean | undefined {
    return this.#known?.some(({ provider, state }) => state === "ready" && (wanted === "auto" || provider === wanted));
  }
}
