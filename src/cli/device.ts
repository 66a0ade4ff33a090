/** Runs work on the device that the user asked for, in this process and its device child. */
import { type Engine, openEngine, type Provider, withFallback } from "../engine/mod.ts";
import type { Settings } from "./config.ts";

/** `auto` begins with the best device and goes on to the CPU when memory or operators do not suffice; it says so. */
export async function onDevice<T>(
  { provider: wanted, data }: Pick<Settings, "provider" | "data">,
  note: (message: string) => void,
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const options = { dataDirectory: data, warn: note };
  const best = await openEngine(wanted, options);
  const providers: Provider[] = wanted === "auto" && best.provider !== "cpu" ? [best.provider, "cpu"] : [best.provider];
  const { value, fellBack } = await withFallback(providers, work, {
    open: (provider) => provider === best.provider ? Promise.resolve(best) : openEngine(provider, options),
  });
  for (const { provider, error } of fellBack) {
    note(`The ${provider} device could not do it (${error.code}); it ran on another`);
  }
  return value;
}
