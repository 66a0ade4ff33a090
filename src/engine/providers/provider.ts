/** The record of an execution provider: everything in which providers differ, as data. */
import project from "../../../deno.json" with { type: "json" };
import type { Pass } from "../../graph/mod.ts";

/**
 * What a device computes products and convolutions in. `float32`: as the CPU does. `tf32`: operands with 10 bits of
 * mantissa. `mixed`: operands in bfloat16 (8 bits). Sums, weights and all else are float32 in every case.
 */
export const PRECISIONS = ["float32", "tf32", "mixed"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** What the rooms above ask of a provider instead of its name. */
export interface Traits {
  /** Windows of one volume that run together: at most `most`, and no more than have `voxels` between them. */
  readonly windows: { readonly most: number; readonly voxels: number };
  /**
   * Feeds that one call may take to run many updates, bytes. 0 where state stays on the device between calls, so that
   * every micro-batch is a call of its own.
   */
  readonly spanBytes: number;
  /** Crops and views pass a network at once while its values take up to this, bytes. 0: always one after the other. */
  readonly atOnceBytes: number;
  /** The compiler's forecast of memory holds for it, and the machine's free memory is its limit. */
  readonly isMemoryPredicted: boolean;
}

/** What a setting of precision changes. */
export interface PrecisionSetting {
  /** The passes of lowering, in order. */
  readonly passes: readonly Pass[];
  /** Environment variables of the device's process. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ProviderRecord {
  /** The module in `runtimes/` that opens it. Only the device's process loads it: a native library may end a process. */
  readonly runtime: string;
  /** Name and version of what runs its graphs: a calibration holds for one version. */
  readonly library: string;
  readonly hardware: "processor" | "graphics card";
  /** `auto` passes it over where a provider before it in the table works on the same hardware. */
  readonly isSpare?: boolean;
  /** The setting of precision that applies unless another is asked for. */
  readonly precision: Precision;
  readonly precisions: Readonly<Partial<Record<Precision, PrecisionSetting>>>;
  /** The environment variable in which a user may ask for another precision. */
  readonly precisionVariable?: string;
  /** Up to this size a pass of lowering writes a temporary value in one piece, bytes. */
  readonly temporaryBytes: number;
  readonly traits: Traits;
}

/** Name and version of a package of `deno.json`, "onnxruntime-node@1.30.0". */
export function npmPackage(name: keyof typeof project.imports): string {
  return project.imports[name].replace("npm:", "");
}
