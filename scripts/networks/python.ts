/** Python with the packages that define and export the networks, in a virtual environment. */
import { stat } from "node:fs/promises";
import { join } from "node:path";

/** The versions whose exports docs/onnx.md records. */
export const PACKAGES: readonly string[] = [
  "torch==2.13.0",
  "torchvision==0.28.0",
  "monai==1.6.1",
  "einops==0.8.2",
  "dynamic_network_architectures==0.4.4",
  "onnx==1.23.2",
  "onnxscript==0.7.2",
  "onnxruntime==1.32.0",
];

/** The Python of the environment in `folder`, made where it is missing. */
export async function pythonIn(folder: string): Promise<string> {
  const python = join(folder, "venv", "bin", "python");
  if (await stat(python).then(() => true, () => false)) return python;
  await runProgram("python3", ["-m", "venv", join(folder, "venv")]);
  await runProgram(python, ["-m", "pip", "install", "--quiet", ...PACKAGES]);
  return python;
}

/** Exports the networks that are not in `folder` yet. */
export async function exportNetworks(
  python: string,
  { folder, only, exporters }: { folder: string; only: readonly string[]; exporters: readonly string[] },
): Promise<void> {
  const program = join(import.meta.dirname!, "exports", "main.py");
  const flags = exporters.length === 0 ? [] : ["--exporters", exporters.join(",")];
  for (const part of only.length === 0 ? [""] : only) {
    await runProgram(python, [program, "--out", folder, "--only", part, ...flags]);
  }
}

/** @throws {Error} the program ends with another status than 0 */
async function runProgram(program: string, words: readonly string[]): Promise<void> {
  const { code } = await new Deno.Command(program, { args: [...words], stdout: "inherit", stderr: "inherit" }).output();
  if (code !== 0) throw new Error(`Cannot run ${words[0] === "-m" ? words[1] : "the exports"}: it ended with ${code}`);
}
