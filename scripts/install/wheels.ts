/** The wheels on PyPI that hold native libraries, for Linux on x86-64, each with its hash. */
import { createHash } from "node:crypto";
import { type Unzipped, unzipSync } from "fflate";

export interface Wheel {
  readonly project: string;
  readonly version: string;
  readonly sha256: string;
  /** Its use, for the bill of materials. */
  readonly is: string;
}

export const CUDA_WHEEL: Wheel = {
  project: "onnxruntime-gpu",
  version: "1.30.0",
  sha256: "6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1",
  is: "ONNX Runtime's CUDA provider, in the image built with CUDA=yes",
};

export const OPENVINO_WHEEL: Wheel = {
  project: "openvino",
  version: "2026.4.0",
  sha256: "71ee4e65a914044a510af43da16f3279c8f9dae22cbc8eac63d4a785c4a9c03f",
  is: "OpenVINO, in the image built with OPENVINO=yes",
};

export const WHEELS: readonly Wheel[] = [CUDA_WHEEL, OPENVINO_WHEEL];

const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

async function fetched(url: string, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`Cannot fetch ${url}: the server answered ${response.status}`);
  return response;
}

/** The bytes of a wheel, of which PyPI's index knows the address by its hash. */
async function download({ project, version, sha256 }: Wheel): Promise<Uint8Array> {
  const index = `https://pypi.org/simple/${project}/`;
  const listed = await fetched(index, { Accept: "application/vnd.pypi.simple.v1+json" });
  const { files } = await listed.json() as { files: { url: string; hashes: { sha256?: string } }[] };
  const file = files.find((f) => f.hashes.sha256 === sha256);
  if (file === undefined) throw new Error(`Cannot find ${project} ${version}: no file with SHA-256 ${sha256}`);
  return checked(await (await fetched(new URL(file.url, index).href)).bytes(), sha256);
}

/** @throws {Error} the bytes are not those of this hash */
export function checked(bytes: Uint8Array, sha256: string): Uint8Array {
  const found = hashOf(bytes);
  if (found !== sha256) throw new Error(`Cannot use the wheel: expected SHA-256 ${sha256}, got ${found}`);
  return bytes;
}

/**
 * Writes the files of these names of a wheel to a folder, wherever they lie in it.
 * @throws {Error} the wheel holds none of a name
 */
export async function install(
  wheel: Wheel,
  { names, folder }: { readonly names: readonly string[]; readonly folder: string },
): Promise<void> {
  await unpack(await download(wheel), { names, folder });
}

export async function unpack(
  bytes: Uint8Array,
  { names, folder }: { readonly names: readonly string[]; readonly folder: string },
): Promise<void> {
  const members: Unzipped = unzipSync(bytes, { filter: ({ name }) => names.some((file) => name.endsWith(`/${file}`)) });
  const found = names.map((name) => {
    const member = Object.entries(members).find(([path]) => path.endsWith(`/${name}`));
    if (member === undefined) throw new Error(`Cannot install from the wheel: it holds no ${name}`);
    return { name, content: member[1] };
  });
  await Deno.mkdir(folder, { recursive: true });
  for (const { name, content } of found) {
    const path = `${folder}/${name}`;
    await Deno.writeFile(`${path}.part`, content, { mode: 0o644 });
    await Deno.rename(`${path}.part`, path);
    console.log(`${name}: ${(content.length / 1e6).toFixed(1)} MB`);
  }
  const total = found.reduce((sum, { content }) => sum + content.length, 0);
  console.log(`${found.length} files, ${(total / 1e6).toFixed(0)} MB`);
}
