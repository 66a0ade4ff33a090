/** Runs work on the device that the user asked for, in this process and its device child. */
import {
  Devices,
  type Engine,
  type Fallback,
  fallbackWarning,
  type Provider,
  withFallback,
  type Work,
} from "../../engine/mod.ts";
import type { Settings } from "./settings.ts";

/**
 * `auto` starts on the fastest device and falls back to the next one, with a note, where memory or operators do not
 * suffice.
 */
export async function onDevice<T>(
  { provider: wanted, data }: Pick<Settings, "provider" | "data">,
  { note, kind }: { readonly note: (message: string) => void; readonly kind: Work },
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const onFallback = (fallback: Fallback) => note(fallbackWarning(fallback).detail);
  const devices = new Devices();
  const open = (provider: Provider) => devices.open(provider, { dataDirectory: data, warn: note });
  const { value } = await withFallback(devices.ready(wanted, { work: kind, dataDirectory: data }), work, {
    open,
    onFallback,
  });
  return value;
}

/** The device on which {@link onDevice} would start a training. */
export async function firstDevice({ provider: wanted, data }: Pick<Settings, "provider" | "data">): Promise<Provider> {
  const purpose = { work: "training", dataDirectory: data } as const;
  for await (const provider of new Devices().ready(wanted, purpose)) return provider;
  return "cpu";
}
