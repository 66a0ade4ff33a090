/**
 * Tries work on one device after another until one has the memory and the operators for it. Never retries on the same
 * one.
 */
import type { Engine } from "../engine.ts";
import { EngineError } from "../errors.ts";
import type { Provider } from "../providers/table.ts";

export interface FallbackOptions {
  /** Opens or borrows an engine. */
  readonly open: (provider: Provider) => Promise<Engine>;
  /** Returns an engine before the next one is opened; `failed`: by an `EngineError`. Default: closes it. */
  readonly done?: (engine: Engine, failed: boolean) => Promise<void>;
  /** Reports a provider that could not do the work, before the next one is tried. */
  readonly onFallback?: (fallback: Fallback) => void;
}

/** A provider that could not do the work. */
export interface Fallback {
  readonly provider: Provider;
  readonly error: EngineError;
}

/** The result of the work, and the device that did it. */
export interface Ran<T> {
  readonly value: T;
  readonly provider: Provider;
  readonly deviceName: string;
  /** The providers tried before, in order. */
  readonly fellBack: readonly Fallback[];
}

const MOVES_ON: readonly string[] = ["out-of-memory", "unsupported", "crashed"];

/** The warning for the user who asked for the work: a stable code, no path. */
export function fallbackWarning(
  { provider, error }: Fallback,
): { readonly code: "fell-back"; readonly detail: string } {
  return { code: "fell-back", detail: `${provider} could not do it: ${error.message}` };
}

/**
 * Runs `work` on the first provider; moves to the next on an `EngineError` "out-of-memory", "unsupported" or "crashed".
 * @throws {EngineError} with the last provider's code and every provider's reason; any other error of `work` unchanged
 */
export async function withFallback<T>(
  providers: Iterable<Provider> | AsyncIterable<Provider>,
  work: (engine: Engine) => Promise<T>,
  { open, done = (engine) => engine.close(), onFallback }: FallbackOptions,
): Promise<Ran<T>> {
  const fellBack: Fallback[] = [];
  for await (const provider of providers) {
    let engine: Engine | undefined, failed = false;
    try {
      engine = await open(provider);
      const value = await work(engine);
      return { value, provider, deviceName: engine.deviceName, fellBack };
    } catch (error) {
      failed = error instanceof EngineError;
      if (!(error instanceof EngineError && MOVES_ON.includes(error.code))) throw error;
      fellBack.push({ provider, error });
      onFallback?.({ provider, error });
    } finally {
      if (engine !== undefined) await done(engine, failed);
    }
  }
  if (fellBack.length === 0) throw new RangeError("Cannot run: expected at least one provider, got none");
  const reasons = fellBack.map(({ provider, error }) => `${provider}: ${error.message}`);
  const { error } = fellBack.at(-1)!;
  throw new EngineError(error.code, `No device could do it. ${reasons.join("; ")}`, { cause: error });
}
