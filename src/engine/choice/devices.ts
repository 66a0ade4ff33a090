/**
 * Finds the providers that work on this machine, and opens one. Each is tried in a process of its own, since the
 * attempt can end a process.
 */
import { DeviceEngine, type EngineOptions } from "../device/device_engine.ts";
import type { Device, Engine } from "../engine.ts";
import { EngineError } from "../errors.ts";
import { type Provider, PROVIDERS, recordOf } from "../providers/table.ts";
import { selfCheck } from "./self_check.ts";

interface Probe {
  readonly device: Device;
  /** The device is the processor under another name: `auto` never takes it, but a user may. */
  readonly software: boolean;
  /** False after a timeout: the machine was busy, and the next call tries again. */
  readonly isFinal: boolean;
}

const PROBE_TIMEOUT_MS = 60_000;

/** The devices of this machine. Each provider is tried once. */
export class Devices {
  readonly #probes = new Map<Provider, Promise<Probe>>();

  /** Returns the state of every provider, in the order in which `auto` tries them. */
  async probe(): Promise<Device[]> {
    const found = await Promise.all(PROVIDERS.map((provider) => this.#probe(provider)));
    return found.map(({ device }) => device);
  }

  /**
   * Yields the ready providers among those wanted, best first, and probes each only when it is asked for. `auto` passes
   * over software adapters, and over a spare provider where another works on its hardware.
   * @throws {EngineError} "unsupported" with the reasons, where none is ready
   */
  async *ready(wanted: Provider | "auto"): AsyncGenerator<Provider, void> {
    const found: Provider[] = [], reasons: string[] = [];
    for (const candidate of wanted === "auto" ? PROVIDERS : [wanted]) {
      const { hardware, isSpare } = recordOf(candidate);
      if (isSpare && found.some((before) => recordOf(before).hardware === hardware)) continue;
      const { device: { state, reason }, software } = await this.#probe(candidate);
      if (state === "ready" && (wanted !== "auto" || !software)) {
        found.push(candidate);
        yield candidate;
      } else reasons.push(`${candidate}: ${reason ?? state}`);
    }
    if (found.length === 0) throw new EngineError("unsupported", `Cannot open a device: ${reasons.join("; ")}`);
  }

  /**
   * Opens an engine on the first of the {@link ready} providers.
   * @throws {EngineError} "unsupported" with the probes' reasons
   */
  async open(wanted: Provider | "auto", options: EngineOptions = {}): Promise<Engine> {
    const { value } = await this.ready(wanted).next();
    return await DeviceEngine.open(value as Provider, options); // it has thrown where there is none
  }

  #probe(provider: Provider): Promise<Probe> {
    const known = this.#probes.get(provider);
    if (known !== undefined) return known;
    const found = tryOut(provider);
    this.#probes.set(provider, found);
    found.then(({ isFinal }) => isFinal || this.#probes.delete(provider));
    return found;
  }
}

/** Opens an engine for a program that probes no other devices. */
export function openEngine(wanted: Provider | "auto", options?: EngineOptions): Promise<Engine> {
  return new Devices().open(wanted, options);
}

async function tryOut(provider: Provider): Promise<Probe> {
  let engine: DeviceEngine | undefined;
  let name: string = provider;
  try {
    engine = await DeviceEngine.open(provider, { loadTimeoutMs: PROBE_TIMEOUT_MS });
    name = engine.deviceName;
    await selfCheck(engine);
    const reason = engine.software ? { reason: "A software adapter; auto prefers cpu" } : {};
    return { device: { provider, name, state: "ready", ...reason }, software: engine.software, isFinal: true };
  } catch (error) {
    const absent = error instanceof EngineError && error.code === "unsupported" && engine === undefined;
    const reason = error instanceof Error ? error.message : String(error);
    const isFinal = !(error instanceof EngineError && error.code === "timeout");
    return { device: { provider, name, state: absent ? "absent" : "failed", reason }, software: false, isFinal };
  } finally {
    await engine?.close();
  }
}
