/**
 * The table of execution providers. A new one takes its record in this folder, its module in `runtimes/`, and a line
 * here.
 */
import type { Lowering } from "../../graph/mod.ts";
import { EngineError } from "../errors.ts";
import { cpu } from "./cpu.ts";
import { cuda } from "./cuda.ts";
import { openvino } from "./openvino.ts";
import { type Precision, PRECISIONS, type ProviderRecord, type Traits } from "./provider.ts";
import { wasm } from "./wasm.ts";
import { webgpu } from "./webgpu.ts";

/** In the order in which `auto` tries them. */
const RECORDS = { cuda, webgpu, cpu, openvino, wasm };

export type Provider = keyof typeof RECORDS;

export const PROVIDERS = Object.keys(RECORDS) as Provider[];

export function recordOf(provider: Provider): ProviderRecord {
  return RECORDS[provider];
}

export function traitsOf(provider: Provider): Traits {
  return recordOf(provider).traits;
}

/**
 * The lowering of graphs for a provider, before anything is measured of the device.
 * @throws {RangeError} the provider lacks this precision
 */
export function loweringOf(provider: Provider, precision: Precision = recordOf(provider).precision): Lowering {
  const { precisions, temporaryBytes } = recordOf(provider);
  const setting = precisions[precision];
  if (setting === undefined) throw new RangeError(`Cannot use ${provider} at ${precision}: it has no such precision`);
  return { passes: setting.passes, temporaryBytes };
}

/** The environment variable by which a user chooses the precision of every provider that has it. */
export const PRECISION_VARIABLE = "SULCUS_PRECISION";

/**
 * The precision that a provider works in: the one asked for if this machine has that, else the one of the provider's own
 * variable, else that of the variable for all if this machine has it, else its own.
 * @throws {EngineError} "unsupported": a variable names no precision, or the provider's own one that it lacks
 */
export function precisionOf(
  provider: Provider,
  asked?: Precision,
  environment: Pick<Deno.Env, "get"> = Deno.env,
): Precision {
  const { precision, precisions, precisionVariable } = recordOf(provider);
  const ifThere = (name: Precision) => {
    const setting = precisions[name];
    return setting !== undefined && (setting.isThere?.() ?? true) ? name : precision;
  };
  if (asked !== undefined) return ifThere(asked);
  const wanted = precisionVariable === undefined ? undefined : environment.get(precisionVariable);
  if (wanted === undefined) {
    const all = environment.get(PRECISION_VARIABLE), name = PRECISIONS.find((name) => name === all);
    if (all === undefined || name !== undefined) return name === undefined ? precision : ifThere(name);
    throw new EngineError(
      "unsupported",
      `Cannot use ${provider}: expected ${PRECISION_VARIABLE} to be one of ${PRECISIONS.join(", ")}, got ${all}`,
    );
  }
  const names = PRECISIONS.filter((name) => name in precisions);
  const found = names.find((name) => name === wanted);
  if (found !== undefined) return found;
  throw new EngineError(
    "unsupported",
    `Cannot use ${provider.toUpperCase()}: expected ${precisionVariable} to be one of ${
      names.join(", ")
    }, got ${wanted}`,
  );
}
