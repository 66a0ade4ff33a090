/**
 * Finds the providers that work on this machine, and opens one. Each is tried in a process of its own, since the
 * attempt can end a process.
 */
import { costTablePath, readTable, type Work } from "../calibration/cost_table.ts";
import { DeviceEngine, type EngineOptions } from "../device/device_engine.ts";
import type { Device, Engine } from "../engine.ts";
import { EngineError } from "../errors.ts";
import { precisionOf, type Provider, PROVIDERS, recordOf } from "../providers/table.ts";
import { selfCheck } from "./self_check.ts";

interface Probe {
  readonly device: Device;
  /** The device is the processor under another name: `auto` never takes it, but a user may. */
  readonly software: boolean;
  /** False after a timeout: the machine was busy, and the next call tries again. */
  readonly isFinal: boolean;
}

/** Where `auto` finds the times of providers, and for which work it compares them. */
export interface Purpose {
  readonly work: Work;
  readonly dataDirectory: string;
}

const PROBE_TIMEOUT_MS = 60_000;

/** The devices of this machine. Each provider is tried once. */
export class Devices {
  readonly #probes = new Map<Provider, Promise<Probe>>();
  readonly #how: Pick<EngineOptions, "start" | "spoolDirectory">;

  /** `how`: makes the devices' processes. Default: children of this one. */
  constructor(how: Pick<EngineOptions, "start" | "spoolDirectory"> = {}) {
    this.#how = how;
  }

  /** Returns the state of every provider, in the order in which `auto` tries them. */
  async probe(): Promise<Device[]> {
    const found = await Promise.all(PROVIDERS.map((provider) => this.#probe(provider)));
    return found.map(({ device }) => device);
  }

  /**
   * Yields the ready providers among those wanted, best first, and probes each only when it is asked for. `auto` passes
   * over software adapters, and over a spare provider where another works on its hardware, unless a calibration measured
   * the spare one to be faster at the purpose's work.
   * @throws {EngineError} "unsupported" with the reasons, where none is ready
   */
  async *ready(wanted: Provider | "auto", purpose?: Purpose): AsyncGenerator<Provider, void> {
    const found: Provider[] = [], reasons: string[] = [];
    for (const candidate of wanted === "auto" ? await this.#inOrder(purpose) : [wanted]) {
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
    return await DeviceEngine.open(value as Provider, { ...this.#how, ...options }); // it has thrown where there is none
  }

  /**
   * Returns the first of the {@link ready} providers and, for `auto`, the ready native ones that stand in for it on its
   * hardware: their times decide between them.
   * @throws {EngineError} as `ready()`
   */
  async rivals(wanted: Provider | "auto"): Promise<Provider[]> {
    const found: Provider[] = [];
    for await (const first of this.ready(wanted)) {
      found.push(first);
      break;
    }
    for (const other of wanted === "auto" ? PROVIDERS : []) {
      const { isSpare, isNative, hardware } = recordOf(other);
      if (!isSpare || !isNative || found.includes(other) || hardware !== recordOf(found[0]).hardware) continue;
      if ((await this.#probe(other)).device.state === "ready") found.push(other);
    }
    return found;
  }

  /** The order in which `auto` tries providers: a spare one before those of its hardware that were measured slower. */
  async #inOrder(purpose?: Purpose): Promise<readonly Provider[]> {
    if (purpose === undefined) return PROVIDERS;
    const order = [...PROVIDERS];
    for (const spare of PROVIDERS.filter((provider) => recordOf(provider).isSpare)) {
      const { hardware } = recordOf(spare);
      const at = order.findIndex((other) => recordOf(other).hardware === hardware), usual = order[at];
      const [ms, usualMs] = [await this.#measured(spare, purpose), await this.#measured(usual, purpose)];
      if (ms === undefined || usualMs === undefined || ms >= usualMs) continue;
      order.splice(order.indexOf(spare), 1);
      order.splice(at, 0, spare);
    }
    return order;
  }

  /** Returns the time of the work on a provider's device, if it is ready and was calibrated. */
  async #measured(provider: Provider, { work, dataDirectory }: Purpose): Promise<number | undefined> {
    if (!await isFile(costTablePath(dataDirectory, provider))) return undefined; // not probed for nothing
    const { device } = await this.#probe(provider);
    if (device.state !== "ready") return undefined;
    const identity = { provider, deviceName: device.name, precision: precisionOf(provider) };
    // the engine that is opened next warns of a table that is not used
    return (await readTable(dataDirectory, identity, { warn: () => {} }))?.workMs?.[work];
  }

  #probe(provider: Provider): Promise<Probe> {
    const known = this.#probes.get(provider);
    if (known !== undefined) return known;
    const found = tryOut(provider, this.#how);
    this.#probes.set(provider, found);
    found.then(({ isFinal }) => isFinal || this.#probes.delete(provider));
    return found;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

/** Opens an engine for a program that probes no other devices. */
export function openEngine(wanted: Provider | "auto", options?: EngineOptions): Promise<Engine> {
  return new Devices().open(wanted, options);
}

async function tryOut(provider: Provider, how: EngineOptions): Promise<Probe> {
  let engine: DeviceEngine | undefined;
  let name: string = provider;
  try {
    engine = await DeviceEngine.open(provider, { ...how, loadTimeoutMs: PROBE_TIMEOUT_MS });
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
