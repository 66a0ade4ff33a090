/**
 * Installs OpenVINO for the provider `openvino`: `deno task openvino`. Its npm package fetches its libraries while it is
 * installed and pins no hash, so they come from PyPI's wheel. Only the CPU and GPU plug-ins and what they need are kept.
 */
import { install, OPENVINO_WHEEL } from "./wheels.ts";
import { openvinoLibrary } from "../../src/engine/runtimes/openvino/library.ts";

/** What Apache-2.0 and the licences of the parts inside ask to be handed on. */
const LICENCES = [
  "LICENSE",
  "runtime-third-party-programs.txt",
  "onednn_third-party-programs.txt",
  "onetbb_third-party-programs.txt",
];

const library = openvinoLibrary();
if (library === undefined) {
  throw new Error(`Cannot install OpenVINO: expected Linux on x86_64, got ${Deno.build.os} ${Deno.build.arch}`);
}
console.log(`Fetching openvino ${OPENVINO_WHEEL.version} (59 MB)`);
await install(OPENVINO_WHEEL, { folder: library.folder, names: [...library.names, ...LICENCES] });
