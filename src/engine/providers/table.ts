/**
 * The table of execution providers. A new one takes its record in this folder, its module in `runtimes/`, and a line
 * here.
 */
import type { Lowering } from "../../graph/mod.ts";
import { EngineError } from "../errors.ts";
import { cpu } from "./cpu.ts";
import { cuda } from "./cuda.ts";
import { type Precision, PRECISIONS, type ProviderRecord, type Traits } from "./provider.ts";
import { wasm } from "./wasm.ts";
import { webgpu } from "./webgpu.ts";

/** In the order in which `auto` tries them. */
const RECORDS = { cuda, webgpu, cpu, wasm };

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

/**
 * The precision that a provider works in: the one asked for if it has that, else the environment's, else its own.
 * @throws {EngineError} "unsupported": the environment asks for a precision that the provider lacks
 */
export function precisionOf(provider: Provider, asked?: Precision): Precision {
  const { precision, precisions, precisionVariable } = recordOf(provider);
  if (asked !== undefined) return asked in precisions ? asked : precision;
  const wanted = precisionVariable === undefined ? undefined : Deno.env.get(precisionVariable);
  if (wanted === undefined) return precision;
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
