/**
 * Pictures of volumes: slices, mask outlines and a PNG writer for reports, the README and looking at phantoms.
 * Not an image library: 8-bit RGB without interlacing, nothing is read.
 */
import { Buffer } from "node:buffer";
import { crc32, deflateSync } from "node:zlib";
import type { Triple } from "./grid/grid.ts";

/** 8-bit RGB pixels, row by row from the top left. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** One plane of a volume, row by row from the top left. */
export interface Slice {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** The bytes of `picture` as a PNG file. */
export function encodePng({ width, height, rgb }: Picture): Uint8Array {
  if (rgb.length !== 3 * width * height) {
    throw new RangeError(`Cannot encode a PNG: expected ${3 * width * height} bytes, got ${rgb.length}`);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = new Uint8Array((3 * width + 1) * height);
  for (let y = 0; y < height; y++) rows.set(rgb.subarray(3 * width * y, 3 * width * (y + 1)), (3 * width + 1) * y + 1);
  const chunks = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", new Uint8Array())];
  return new Uint8Array(Buffer.concat([SIGNATURE, ...chunks]));
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/**
 * Plane `index` across `axis` of a volume in C order (x, y, z; z fastest), for RAS volumes as radiologists look at it:
 * patient's right on the left of an axial or coronal slice, front and top upwards, front on the left of a sagittal one.
 */
export function sliceOf(
  volume: ArrayLike<number>,
  sizeVox: Triple,
  at: { axis: 0 | 1 | 2; index: number },
): Slice {
  const [across, up] = at.axis === 0 ? [1, 2] : at.axis === 1 ? [0, 2] : [0, 1];
  const strides = [sizeVox[1] * sizeVox[2], sizeVox[2], 1];
  const [width, height] = [sizeVox[across], sizeVox[up]];
  const data = Float32Array.from({ length: width * height }, (_, i) => {
    const [a, u] = [width - 1 - (i % width), height - 1 - Math.floor(i / width)];
    return volume[at.index * strides[at.axis] + a * strides[across] + u * strides[up]];
  });
  return { width, height, data };
}

/**
 * `slice` in grey between its minimum and its 99.5th percentile, each pixel enlarged `zoom` times, with the outline of
 * every non-zero value of `mask` drawn one screen pixel wide in its colour.
 */
export function overlay(
  slice: Slice,
  mask?: Slice,
  { zoom = 3 }: { zoom?: number } = {},
): Picture {
  const [width, height] = [slice.width * zoom, slice.height * zoom];
  const sorted = Float32Array.from(slice.data).sort();
  const low = sorted[0];
  const high = Math.max(sorted[Math.floor(0.995 * (sorted.length - 1))], low + 1e-6);
  const valueAt = (x: number, y: number) => {
    if (x < 0 || y < 0 || x >= width || y >= height || mask === undefined) return 0;
    return mask.data[Math.floor(y / zoom) * slice.width + Math.floor(x / zoom)];
  };
  const rgb = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = slice.data[Math.floor(y / zoom) * slice.width + Math.floor(x / zoom)];
      const grey = 255 * Math.min(1, Math.max(0, (value - low) / (high - low)));
      const label = valueAt(x, y);
      const edge = label !== 0 && NEIGHBOURS.some(([dx, dy]) => valueAt(x + dx, y + dy) !== label);
      rgb.set(edge ? COLOURS[(label - 1) % COLOURS.length] : [grey, grey, grey], 3 * (y * width + x));
    }
  }
  return { width, height, rgb };
}

/** Red, green and blue of outlines, by the mask's value. */
const COLOURS: readonly Triple[] = [[255, 64, 64], [64, 220, 96], [80, 160, 255], [255, 208, 64]];
const NEIGHBOURS = [[1, 0], [-1, 0], [0, 1], [0, -1]] as const;

/** `pictures` side by side, top edges aligned, black below the shorter ones. */
export function sideBySide(pictures: readonly Picture[]): Picture {
  const width = pictures.reduce((sum, p) => sum + p.width, 0);
  const height = Math.max(...pictures.map((p) => p.height));
  const rgb = new Uint8Array(3 * width * height);
  let left = 0;
  for (const p of pictures) {
    for (let y = 0; y < p.height; y++) {
      rgb.set(p.rgb.subarray(3 * y * p.width, 3 * (y + 1) * p.width), 3 * (y * width + left));
    }
    left += p.width;
  }
  return { width, height, rgb };
}

/** `pictures` one below the other, left edges aligned, black beside the narrower ones. */
export function stacked(pictures: readonly Picture[]): Picture {
  const width = Math.max(...pictures.map((p) => p.width));
  const height = pictures.reduce((sum, p) => sum + p.height, 0);
  const rgb = new Uint8Array(3 * width * height);
  let top = 0;
  for (const p of pictures) {
    for (let y = 0; y < p.height; y++) {
      rgb.set(p.rgb.subarray(3 * y * p.width, 3 * (y + 1) * p.width), 3 * (top + y) * width);
    }
    top += p.height;
  }
  return { width, height, rgb };
}
