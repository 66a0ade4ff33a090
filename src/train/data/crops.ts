/** Crops of volumes [X, Y, Z]: where they lie, which of their blocks show, several as one array. */
import { type Random, sizeOf } from "../../tensor/mod.ts";
import { perAxis, type Triple } from "../../volume/mod.ts";

/**
 * The crop's first voxel, drawn uniformly, or so that the voxel `around` lies in the crop's inner half; negative where the
 * volume is smaller than the crop, which pads it symmetrically.
 */
export function cropStart(
  sizeVox: Triple,
  { roi, around }: { roi: Triple; around?: Triple | undefined },
  random: Random,
): Triple {
  return perAxis((a) => {
    const room = sizeVox[a] - roi[a];
    const u = random.uniform();
    if (room <= 0) return -Math.floor(-room / 2);
    if (around === undefined) return Math.floor(u * (room + 1));
    return Math.min(Math.max(around[a] - Math.floor(roi[a] * (0.25 + 0.5 * u)), 0), room);
  });
}

/** Which blocks of the crop's grid stay visible: ⌊n·(1 − rate)⌋ of n, drawn without replacement (docs/method B.2 row 9). */
export function keptBlocks(
  roi: Triple,
  { rate, blockVox, random }: { rate: number; blockVox: number; random: Random },
): Uint8Array {
  const n = sizeOf(roi.map((d) => Math.ceil(d / blockVox)));
  const kept = new Uint8Array(n);
  const order = random.shuffle(Array.from({ length: n }, (_, i) => i));
  for (const i of order.slice(0, Math.floor(n * (1 - rate) + 1e-9))) kept[i] = 1;
  return kept;
}

/** 1 in the voxels of kept blocks, [X, Y, Z]. */
export function blockMask(kept: Uint8Array, { roi, blockVox }: { roi: Triple; blockVox: number }): Float32Array {
  const [, by, bz] = roi.map((n) => Math.ceil(n / blockVox));
  const out = new Float32Array(sizeOf(roi));
  for (let x = 0, v = 0; x < roi[0]; x++) {
    for (let y = 0; y < roi[1]; y++) {
      const row = (Math.floor(x / blockVox) * by + Math.floor(y / blockVox)) * bz;
      for (let z = 0; z < roi[2]; z++, v++) out[v] = kept[row + Math.floor(z / blockVox)];
    }
  }
  return out;
}

/** One array behind the other; at least one. */
export function joined<T extends Float32Array | Uint8Array>(parts: readonly T[]): T {
  const out = new (parts[0].constructor as new (n: number) => T)(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
