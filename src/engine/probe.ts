/**
 * Finds which providers work on this machine, and opens one. Each is tried in a child of its own, because trying can end
 * a process; what was found holds for the life of the process,
 * except that a device took too long: the machine was busy, and whoever asks next tries again.
 */
import { type Device, type Engine, EngineError, type Provider, PROVIDERS } from "./engine.ts";
import { DeviceEngine, type EngineOptions } from "./device_engine.ts";
import { selfCheck } from "./self_check.ts";

interface Probe extends Device {
  /** The device is the CPU under another name: used when asked for, never by `auto`. */
  readonly software: boolean;
}

const probes = new Map<Provider, Promise<Probe>>();

/** The state of every provider, in the order in which `auto` tries them. */
export async function probeDevices(): Promise<Device[]> {
  const found = await Promise.all(PROVIDERS.map(probe));
  return found.map(({ software: _, ...device }) => device);
}

/**
 * Opens a device's engine; `auto` takes the first of cuda, webgpu, cpu, wasm that passed its self-test and is no
 * software adapter.
 * @throws {EngineError} "unsupported" with the probe's reason
 */
export async function openEngine(provider: Provider | "auto", options: EngineOptions = {}): Promise<Engine> {
  const reasons: string[] = [];
  for (const candidate of provider === "auto" ? PROVIDERS : [provider]) {
    const { state, reason, software } = await probe(candidate);
    const passes = state === "ready" && (provider !== "auto" || !software);
    if (passes) return await DeviceEngine.open(candidate, options);
    reasons.push(`${candidate}: ${reason ?? state}`);
  }
  throw new EngineError("unsupported", `Cannot open a device: ${reasons.join("; ")}`);
}

function probe(provider: Provider): Promise<Probe> {
  const known = probes.get(provider) ?? tryOut(provider);
  probes.set(provider, known);
  return known;
}

async function tryOut(provider: Provider): Promise<Probe> {
  let engine: DeviceEngine | undefined;
  let name: string = provider;
  try {
    engine = await DeviceEngine.open(provider, { loadTimeoutMs: 60_000 });
    name = engine.deviceName;
    await selfCheck(engine);
    const reason = engine.software ? { reason: "A software adapter; auto prefers cpu" } : {};
    return { provider, name, state: "ready", software: engine.software, ...reason };
  } catch (error) {
    if (error instanceof EngineError && error.code === "timeout") probes.delete(provider);
    const absent = error instanceof EngineError && error.code === "unsupported" && engine === undefined;
    const reason = error instanceof Error ? error.message : String(error);
    return { provider, name, state: absent ? "absent" : "failed", reason, software: false };
  } finally {
    await engine?.close();
  }
}
