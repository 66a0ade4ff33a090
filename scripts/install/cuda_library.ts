/**
 * Installs ONNX Runtime's CUDA provider beside onnxruntime-node's binding: `deno task cuda`. The npm package lacks it,
 * so it comes from the wheel `onnxruntime-gpu` of the same release on PyPI, whose hash is pinned here. A machine that
 * uses it needs an NVIDIA driver and, on its library path, CUDA 13 with cuBLAS and cuRAND, and cuDNN 9.
 */
import { unzipSync } from "fflate";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { WHEELS } from "./cuda_wheels.ts";
import { cudaLibrary } from "../../src/engine/runtimes/cuda_library.ts";

const INDEX = "https://pypi.org/simple/onnxruntime-gpu/";

const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

async function fetched(url: string, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`Cannot fetch ${url}: the server answered ${response.status}`);
  return response;
}

/** The wheel with this hash. */
async function download(version: string, sha256: string): Promise<Uint8Array> {
  const index = await fetched(INDEX, { Accept: "application/vnd.pypi.simple.v1+json" });
  const { files } = await index.json() as { files: { url: string; hashes: { sha256?: string } }[] };
  const file = files.find((f) => f.hashes.sha256 === sha256);
  if (file === undefined) throw new Error(`Cannot find onnxruntime-gpu ${version}: no file with SHA-256 ${sha256}`);
  const bytes = await (await fetched(new URL(file.url, INDEX).href)).bytes();
  if (hashOf(bytes) !== sha256) {
    throw new Error(`Cannot use the wheel: expected SHA-256 ${sha256}, got ${hashOf(bytes)}`);
  }
  return bytes;
}

const library = cudaLibrary();
if (Deno.build.os !== "linux" || library === undefined) {
  throw new Error(
    `Cannot install the CUDA provider: expected Linux on x86_64, got ${Deno.build.os} ${Deno.build.arch}`,
  );
}
const { version } = JSON.parse(await Deno.readTextFile(join(library.root, "package.json")));
const sha256 = WHEELS[version];
if (sha256 === undefined) {
  throw new Error(`Cannot install the CUDA provider: no wheel is known for onnxruntime-node ${version}`);
}
console.log(`Fetching onnxruntime-gpu ${version} (247 MB)`);
const members = unzipSync(await download(version, sha256), {
  filter: ({ name }) => library.names.some((file) => name.endsWith(`/${file}`)),
});
for (const name of library.names) {
  const member = Object.entries(members).find(([path]) => path.endsWith(`/${name}`));
  if (member === undefined) throw new Error(`Cannot install the CUDA provider: the wheel holds no ${name}`);
  const path = join(library.folder, name);
  await Deno.writeFile(`${path}.part`, member[1], { mode: 0o644 });
  await Deno.rename(`${path}.part`, path);
  console.log(`${name}: ${(member[1].length / 1e6).toFixed(0)} MB`);
}
