/**
 * The engines of a worker process. One that answered a request may stay open with its networks loaded until no request has
 * come for a while; one that is not kept, or that failed, closes with its task. Either way the device's memory becomes
 * free again.
 */
import {
  type Engine,
  type EngineOptions,
  fallbackWarning,
  forgetPeaks,
  type Provider,
  withFallback,
} from "../../engine/mod.ts";
import type { Warned } from "../kinds/kind.ts";

/** Time in which the next examination finds the networks loaded, ms. */
const IDLE_MS = 60_000;

export interface EnginesOptions {
  readonly open: (provider: Provider, options?: EngineOptions) => Promise<Engine>;
  /** How long an engine waits for its next task before it closes, ms. Default one minute. */
  readonly idleMs?: number;
}

export interface EngineTask<T> {
  readonly work: (engine: Engine) => Promise<T>;
  /** Keeps the engine open for the next task. */
  readonly keep: boolean;
  /** Options of an engine that is opened for this task. */
  readonly options?: EngineOptions;
  /** Called with a sentence about each provider that could not do the work. */
  readonly onFallback: (message: string) => void;
}

export class Engines {
  readonly #open: NonNullable<EnginesOptions["open"]>;
  readonly #idleMs: number;
  /** The engines that wait; one at work belongs to its task. */
  readonly #waiting = new Map<Provider, { readonly engine: Engine; readonly timer: ReturnType<typeof setTimeout> }>();

  /** Engines at work. */
  #working = 0;

  constructor({ open, idleMs = IDLE_MS }: EnginesOptions) {
    this.#open = open;
    this.#idleMs = idleMs;
  }

  /**
   * Does work on the first provider that can do it. The result's warnings name the providers that could not, and why.
   * @throws as `withFallback()`
   */
  async run<T extends Warned>(
    providers: Iterable<Provider> | AsyncIterable<Provider>,
    { work, keep, options, onFallback }: EngineTask<T>,
  ): Promise<T> {
    const { value, fellBack } = await withFallback(providers, work, {
      open: (provider) => this.#take(provider, options),
      done: (engine, failed) => this.#giveBack(engine, keep && !failed),
      onFallback: (fallback) => onFallback(fallbackWarning(fallback).detail),
    });
    return { ...value, warnings: [...value.warnings, ...fellBack.map(fallbackWarning)] };
  }

  async #take(provider: Provider, options?: EngineOptions): Promise<Engine> {
    const waiting = this.#waiting.get(provider);
    if (waiting !== undefined) {
      this.#waiting.delete(provider);
      clearTimeout(waiting.timer);
    }
    const engine = waiting?.engine ?? await this.#open(provider, options);
    // A task reports its own peak, not that of an earlier one; tasks at the same time share theirs.
    if (this.#working++ === 0) forgetPeaks(engine);
    return engine;
  }

  async #giveBack(engine: Engine, keep: boolean): Promise<void> {
    const { provider } = engine;
    this.#working--;
    if (!keep || this.#waiting.has(provider)) return await engine.close();
    const timer = setTimeout(() => {
      this.#waiting.delete(provider);
      engine.close().catch(() => {});
    }, this.#idleMs);
    Deno.unrefTimer(timer);
    this.#waiting.set(provider, { engine, timer });
  }
}
