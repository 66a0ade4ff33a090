/** Writes NIfTI files on the grid of another: geometry byte by byte, everything that could name a patient left empty. */
import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { Triple } from "../grid/grid.ts";
import { datatypeOf } from "./_datatypes.ts";
import { finishHeader, LEAST_OFFSET, type NiftiHeader } from "./nifti_header.ts";

/** What is written: C order `[X, Y, Z]`, or `[C, X, Y, Z]` as a 4-D file. */
export interface NiftiContent {
  readonly data: Uint8Array | Float32Array | Int16Array;
  readonly sizeVox: Triple;
  /** Number of volumes on the leading axis; absent: a 3-D file. */
  readonly components?: number;
  /** Header of the file whose geometry it takes: sizes must agree. */
  readonly like: NiftiHeader;
  /** Default true. */
  readonly gzip?: boolean;
}

const SLAB = 16;

/**
 * Writes a file whole or not at all (temporary file, fsync, rename). Affine, qform and sform codes, quaternion, pixdim
 * and units are those of `like`; scaling is 1 and 0.
 * @throws {RangeError} when data, size and `like` do not agree
 */
export async function writeNifti(path: string, content: NiftiContent): Promise<void> {
  const { data, sizeVox, components, like, gzip = true } = content;
  if (sizeVox.some((n, a) => n !== like.sizeVox[a])) {
    throw new RangeError(`Cannot write a volume: expected size ${like.sizeVox.join("×")}, got ${sizeVox.join("×")}`);
  }
  const expected = sizeVox[0] * sizeVox[1] * sizeVox[2] * (components ?? 1);
  if (data.length !== expected) {
    throw new RangeError(`Cannot write a volume: expected ${expected} voxels, got ${data.length}`);
  }
  // Not the target's name: it may be a patient's and would outlive a crash.
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  const plain = Readable.from(fileParts(content), { objectMode: true, highWaterMark: 1 });
  // Interpolated floats hardly shrink, whatever the effort.
  const level = data instanceof Float32Array ? 1 : 6;
  // `pipeline` carries errors on (`pipe` would hang); they come out of the loop, so its callback has nothing to do.
  const stream = gzip ? pipeline(plain, createGzip({ level }), () => {}) : plain;
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

function* fileParts({ data, sizeVox, components, like }: NiftiContent): Generator<Uint8Array> {
  const code = data instanceof Uint8Array ? 2 : data instanceof Int16Array ? 4 : 16;
  const datatype = datatypeOf(code);
  const start = new Uint8Array(LEAST_OFFSET[like.version]);
  start.set(finishHeader(like, { sizeVox, components: components ?? null, datatype }));
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
