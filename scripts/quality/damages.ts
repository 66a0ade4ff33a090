/**
 * Damages to an image, as scanners, patients and people who send files make them: each with its strength, and seeded. Those
 * that move the anatomy move the label map too.
 */
import { type GridImage, perAxis, type Triple } from "../../src/volume/mod.ts";
import { Random } from "../../src/tensor/mod.ts";

/** An image and its label map on one grid. */
export interface Pair {
  readonly image: GridImage;
  readonly label: GridImage;
}

type Damage = (pair: Pair, random: Random) => Pair;

const ofImage = (change: (image: GridImage, random: Random) => Float32Array): Damage => ({ image, label }, random) => ({
  image: { ...image, data: change(image, random) },
  label,
});

/** The span between the 1st and 99th percentile: the scale of noise, whatever the unit. */
function spanOf(data: ArrayLike<number>): number {
  const sorted = Float32Array.from(data).sort();
  return sorted[Math.floor(0.99 * (sorted.length - 1))] - sorted[Math.floor(0.01 * (sorted.length - 1))];
}

const noise = (share: number) =>
  ofImage(({ data }, random) => {
    const sd = share * spanOf(data);
    return Float32Array.from(data, (v) => v + sd * random.normal());
  });

/** A Gaussian along some axes, standard deviation in voxels. */
const blur = (sd: Triple) =>
  ofImage(({ data, sizeVox }) =>
    sd.reduce<Float32Array>((out, s, a) => s > 0 ? along(out, sizeVox, a, gaussian(s)) : out, copy(data))
  );

const copy = (data: ArrayLike<number>) => Float32Array.from(data);

function gaussian(sd: number): number[] {
  const reach = Math.ceil(3 * sd);
  const taps = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / sd) ** 2));
  const sum = taps.reduce((a, b) => a + b);
  return taps.map((t) => t / sum);
}

/** Convolves along an axis; beyond the border its value goes on. */
function along(data: Float32Array, sizeVox: Triple, axis: number, taps: readonly number[]): Float32Array {
  const stride = [sizeVox[1] * sizeVox[2], sizeVox[2], 1][axis], n = sizeVox[axis], reach = taps.length >> 1;
  return data.map((_, v) => {
    const at = Math.floor(v / stride) % n;
    return taps.reduce((sum, t, i) => {
      const to = Math.min(n - 1, Math.max(0, at + i - reach));
      return sum + t * data[v + (to - at) * stride];
    }, 0);
  });
}

/** Every `thick` slices along an axis become their mean, as thick slices that were resampled back. */
const thickSlices = (axis: number, thick: number) =>
  ofImage(({ data, sizeVox }) => {
    const stride = [sizeVox[1] * sizeVox[2], sizeVox[2], 1][axis], n = sizeVox[axis];
    return copy(data).map((_, v) => {
      const at = Math.floor(v / stride) % n, from = at - at % thick, to = Math.min(n, from + thick);
      let sum = 0;
      for (let k = from; k < to; k++) sum += data[v + (k - at) * stride];
      return sum / (to - from);
    });
  });

/** Fainter copies, shifted along an axis: a patient who moves with the breath. */
const ghosts = (strength: number) =>
  ofImage(({ data, sizeVox }, random) => {
    const axis = random.integer(3), n = sizeVox[axis], stride = [sizeVox[1] * sizeVox[2], sizeVox[2], 1][axis];
    const shift = Math.round(n / (2 + random.integer(3)));
    return copy(data).map((own, v) => {
      const at = Math.floor(v / stride) % n, other = (at + shift) % n;
      return (1 - strength) * own + strength * data[v + (other - at) * stride];
    });
  });

/** A smooth field that multiplies intensities, from 1/most to most. */
const bias = (most: number) =>
  ofImage(({ data, sizeVox: [nx, ny, nz] }, random) => {
    const slope = [0, 1, 2].map(() => random.normal()), length = Math.hypot(...slope);
    return copy(data).map((v, i) => {
      const z = i % nz, y = Math.floor(i / nz) % ny, x = Math.floor(i / nz / ny);
      const at = (slope[0] * (x / nx - 0.5) + slope[1] * (y / ny - 0.5) + slope[2] * (z / nz - 0.5)) / length;
      return v * most ** (2 * at);
    });
  });

const gamma = (power: number) =>
  ofImage(({ data }) => {
    const values = copy(data), least = values.reduce((a, b) => Math.min(a, b)), span = spanOf(data);
    return values.map((v) => least + span * Math.max(0, (v - least) / span) ** power);
  });

const inverted = ofImage(({ data }) => {
  const values = copy(data), most = values.reduce((a, b) => Math.max(a, b));
  return values.map((v) => most - v);
});

/** Image and label map without a share of the field of view, at one end of an axis. */
const cut = (share: number): Damage => ({ image, label }, random) => {
  const axis = random.integer(3),
    atEnd = random.integer(2) === 1,
    n = image.sizeVox[axis],
    drop = Math.round(share * n);
  const start = perAxis((a) => a === axis && !atEnd ? drop : 0);
  const size = perAxis((a) => image.sizeVox[a] - (a === axis ? drop : 0));
  return { image: part(image, start, size), label: part(label, start, size) };
};

function part({ data, sizeVox, affineRas }: GridImage, start: Triple, size: Triple): GridImage {
  const out = new Float32Array(size[0] * size[1] * size[2]);
  for (let x = 0, to = 0; x < size[0]; x++) {
    for (let y = 0; y < size[1]; y++) {
      const from = ((x + start[0]) * sizeVox[1] + y + start[1]) * sizeVox[2] + start[2];
      for (let z = 0; z < size[2]; z++) out[to++] = data[from + z];
    }
  }
  const moved = [...affineRas];
  for (let r = 0; r < 3; r++) for (let a = 0; a < 3; a++) moved[4 * r + 3] += affineRas[4 * r + a] * start[a];
  return { data: out, sizeVox: size, affineRas: moved };
}

/** Voxels turned by a quarter about an axis while the header stays: files whose orientation is wrong. */
const turned = (axis: number): Damage => ({ image, label }) => {
  const [a, b] = [0, 1, 2].filter((k) => k !== axis);
  return { image: quarter(image, a, b), label: quarter(label, a, b) };
};

function quarter({ data, sizeVox, affineRas }: GridImage, a: number, b: number): GridImage {
  const size: [number, number, number] = [...sizeVox];
  [size[a], size[b]] = [size[b], size[a]];
  const out = new Float32Array(data.length);
  for (let x = 0, to = 0; x < size[0]; x++) {
    for (let y = 0; y < size[1]; y++) {
      for (let z = 0; z < size[2]; z++, to++) {
        const from = [x, y, z];
        [from[a], from[b]] = [from[b], sizeVox[b] - 1 - [x, y, z][a]];
        out[to] = data[(from[0] * sizeVox[1] + from[1]) * sizeVox[2] + from[2]];
      }
    }
  }
  return { data: out, sizeVox: size, affineRas };
}

/** A band of the image without signal. */
const dropout = (share: number) =>
  ofImage(({ data, sizeVox }, random) => {
    const axis = random.integer(3), n = sizeVox[axis], stride = [sizeVox[1] * sizeVox[2], sizeVox[2], 1][axis];
    const from = random.integer(Math.max(1, n - Math.round(share * n)));
    return copy(data).map((v, i) => {
      const at = Math.floor(i / stride) % n;
      return at >= from && at < from + share * n ? 0 : v;
    });
  });

/** Every damage, weak and strong. */
export const DAMAGES: Readonly<Record<string, Damage>> = {
  "none": (pair) => pair,
  "noise 10 %": noise(0.1),
  "noise 25 %": noise(0.25),
  "noise 50 %": noise(0.5),
  "blur 1 voxel": blur([1, 1, 1]),
  "blur 2.5 voxels": blur([2.5, 2.5, 2.5]),
  "slices of 3 voxels": thickSlices(1, 3),
  "slices of 6 voxels": thickSlices(1, 6),
  "ghosts 30 %": ghosts(0.3),
  "ghosts 50 %": ghosts(0.5),
  "bias ×2": bias(2),
  "bias ×4": bias(4),
  "gamma 0.5": gamma(0.5),
  "gamma 2.5": gamma(2.5),
  "inverted": inverted,
  "field of view −25 %": cut(0.25),
  "field of view −45 %": cut(0.45),
  "turned about x": turned(0),
  "turned about z": turned(2),
  "dropout 25 %": dropout(0.25),
};
