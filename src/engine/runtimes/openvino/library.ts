/** The files of OpenVINO that the program uses. `deno task openvino` installs them from PyPI's wheel, which works offline. */
import { join } from "node:path";

/** The version of the wheel; a calibration holds for it. */
export const OPENVINO_VERSION = "2026.4.0";

/** The number at the end of its libraries' names. */
const SO = "2640";

const CORE = `libopenvino_c.so.${SO}`;

/** The core and its C interface, the reader of ONNX, the devices, and the threads. */
const NAMES = [
  CORE,
  `libopenvino.so.${SO}`,
  `libopenvino_onnx_frontend.so.${SO}`,
  "libopenvino_intel_cpu_plugin.so",
  "libopenvino_intel_gpu_plugin.so",
  "libtbb.so.12",
  "libtbbmalloc.so.2",
  "libtbbbind_2_5.so.3",
  "libhwloc.so.15",
] as const;

export interface OpenvinoLibrary {
  /** The folder of this version's files. */
  readonly folder: string;
  readonly names: readonly string[];
  /** The library with the C interface; the others are found beside it. */
  readonly core: string;
}

/** Returns undefined where no wheel is pinned for this system and processor. */
export function openvinoLibrary(): OpenvinoLibrary | undefined {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return undefined;
  const folder = join(import.meta.dirname!, "../../../../node_modules/.openvino", OPENVINO_VERSION);
  return { folder, names: NAMES, core: join(folder, CORE) };
}
