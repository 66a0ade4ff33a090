/** The record of an execution provider: all differences between providers, as data. */
import project from "../../../deno.json" with { type: "json" };
import type { MemoryModel, Pass } from "../../graph/mod.ts";

/**
 * The precision of products and convolutions. `float32`: that of a processor. `tf32`: operands with 10 bits of
 * mantissa. `mixed`: operands in bfloat16 (8 bits). Sums, weights and everything else are float32 in every case.
 */
export const PRECISIONS = ["float32", "tf32", "mixed"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** The traits by which rooms above decide, so that they need no provider's name. */
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
  /** Steps leave the sizes of volumes open, which saves memory on ONNX Runtime; else the device plans by them. */
  readonly sizesAreOpen: boolean;
  /** The compiler predicts the memory of its runs, and the machine's free memory limits them. */
  readonly isMemoryPredicted: boolean;
  /** By which it is predicted. Default: ONNX Runtime's. */
  readonly memory?: MemoryModel;
}

/** The consequences of a precision. */
export interface PrecisionSetting {
  /** The passes of lowering, in order. */
  readonly passes: readonly Pass[];
  /** Environment variables of the device's process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Reports whether the machine has it; absent: every one has. */
  readonly isThere?: () => boolean;
  /** Rounds so much that a network's answers are compared with those of float32 before they are used. */
  readonly isChecked?: boolean;
}

export interface ProviderRecord {
  /**
   * The module in `runtimes/` that opens it. Only the device's process loads it: a native library may end a process.
   */
  readonly runtime: string;
  /** Its library is native code: its process may load libraries, which may do whatever the user may. */
  readonly isNative: boolean;
  /** What its runtime must know of the machine, from files that Deno opens to programs with all permissions alone. */
  readonly facts?: () => Readonly<Record<string, string>>;
  /** Name and version of what runs its graphs: a calibration holds for one version. */
  readonly library: string;
  readonly hardware: "processor" | "graphics card";
  /** `auto` passes it over where a provider before it in the table works on the same hardware. */
  readonly isSpare?: boolean;
  /** The default precision. */
  readonly precision: Precision;
  readonly precisions: Readonly<Partial<Record<Precision, PrecisionSetting>>>;
  /** The environment variable by which a user chooses another one for this provider; it goes before that for all. */
  readonly precisionVariable?: string;
  /** Up to this size a pass of lowering writes a temporary value in one piece, bytes. */
  readonly temporaryBytes: number;
  readonly traits: Traits;
}

/** Name and version of a package of `deno.json`, "onnxruntime-node@1.30.0". */
export function npmPackage(name: keyof typeof project.imports): string {
  return project.imports[name].replace("npm:", "");
}
