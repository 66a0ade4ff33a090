/** Writes NIfTI files on the grid of another: geometry byte by byte, everything that could name a patient left empty. */
import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { voxelsOf } from "../grid/grid.ts";
import type { DatatypeName } from "./_voxels.ts";
import type { VolumeContent } from "./format.ts";
import { finishHeader, geometryOf, LEAST_OFFSET } from "./nifti_header.ts";

const SLAB = 16;

/**
 * Writes a file whole or not at all (temporary file, fsync, rename), gzipped where its name ends so. Affine, qform and
 * sform codes, quaternion, pixdim and units are those of the header that `grid` comes from; scaling is 1 and 0.
 * @throws {RangeError} when data and grid do not agree
 */
export async function writeNifti(path: string, content: VolumeContent): Promise<void> {
  const { data, grid: { sizeVox }, components = 1 } = content;
  if (data.length !== voxelsOf(sizeVox) * components) {
    throw new RangeError(
      `Cannot write a volume: expected ${voxelsOf(sizeVox) * components} voxels, got ${data.length}`,
    );
  }
  // Not the target's name: it may be a patient's and would outlive a crash.
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  const plain = Readable.from(fileParts(content), { objectMode: true, highWaterMark: 1 });
  // Interpolated floats and noisy signals hardly shrink, whatever the effort; label maps do.
  const level = data instanceof Float32Array || data instanceof Int16Array ? 1 : 6;
  // `pipe` would hang on an error; `pipeline` passes it to the loop below, so its callback has nothing to do.
  const stream = path.toLowerCase().endsWith(".gz") ? pipeline(plain, createGzip({ level }), () => {}) : plain;
  try {
    const file = await open(temporary, "wx");
    try {
      for await (const chunk of stream) await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    const code = (error as { code?: string }).code;
    // Node's messages quote the path.
    throw code ? new Error(`Cannot write a volume: the file cannot be written (${code})`) : error;
  }
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    done += (await file.write(chunk, done, chunk.length - done)).bytesWritten;
  }
}

function typeOf(data: VolumeContent["data"]): DatatypeName {
  if (data instanceof Uint8Array) return "uint8";
  if (data instanceof Uint16Array) return "uint16";
  return data instanceof Int16Array ? "int16" : "float32";
}

function* fileParts({ data, grid, components }: VolumeContent): Generator<Uint8Array> {
  const { sizeVox, nifti = geometryOf(grid) } = grid;
  const start = new Uint8Array(LEAST_OFFSET[nifti.version]);
  start.set(finishHeader(nifti, { sizeVox, components, type: typeOf(data) }));
  yield start;
  const [nx, ny, nz] = sizeVox;
  for (let c = 0; c < (components ?? 1); c++) {
    for (let z = 0; z < nz; z += SLAB) {
      const depth = Math.min(SLAB, nz - z);
      const slab = new (data.constructor as new (n: number) => typeof data)(depth * nx * ny);
      for (let x = 0; x < nx; x++) {
        for (let y = 0; y < ny; y++) {
          const from = ((c * nx + x) * ny + y) * nz + z;
          for (let k = 0, to = y * nx + x; k < depth; k++, to += nx * ny) slab[to] = data[from + k];
        }
      }
      yield new Uint8Array(slab.buffer);
    }
  }
}
