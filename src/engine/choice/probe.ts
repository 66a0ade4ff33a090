/**
 * Finds which providers work on this machine, and opens one. Each is tried in a child of its own, because trying can end
 * a process; what was found holds for the life of the process,
 * except that a device took too long: the machine was busy, and whoever asks next tries again.
 */
import { type Device, type Engine, EngineError, type Provider, PROVIDERS } from "../engine.ts";
import { DeviceEngine, type EngineOptions } from "../device/device_engine.ts";
import { recordOf } from "../providers/table.ts";
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
 * The providers that can do a wish, best first, each found when it is asked for. `auto`: those that passed their self-test
 * and are no software adapter; a spare one only where no other works on its hardware.
 * @throws {EngineError} "unsupported" with the reasons, when there is none
 */
export async function* readyProviders(wanted: Provider | "auto"): AsyncGenerator<Provider, void> {
  const found: Provider[] = [], reasons: string[] = [];
  for (const candidate of wanted === "auto" ? PROVIDERS : [wanted]) {
    const { hardware, isSpare } = recordOf(candidate);
    if (isSpare && found.some((before) => recordOf(before).hardware === hardware)) continue;
    const { state, reason, software } = await probe(candidate);
    if (state === "ready" && (wanted !== "auto" || !software)) {
      found.push(candidate);
      yield candidate;
    } else reasons.push(`${candidate}: ${reason ?? state}`);
  }
  if (found.length === 0) throw new EngineError("unsupported", `Cannot open a device: ${reasons.join("; ")}`);
}

/**
 * Opens the first engine of {@link readyProviders}.
 * @throws {EngineError} "unsupported" with the probes' reasons
 */
export async function openEngine(provider: Provider | "auto", options: EngineOptions = {}): Promise<Engine> {
  const { value } = await readyProviders(provider).next();
  return await DeviceEngine.open(value as Provider, options); // it has thrown where there is none
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
