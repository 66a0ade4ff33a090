/** One volume as other programs would have written it: changes that should change no answer, each with its name. */
import { type Box, cutWindow, type GridImage, perAxis, type Triple, voxelsOf } from "../../src/volume/mod.ts";
import { seeded } from "../../src/volume/testing/fixtures.ts";

export type Change = readonly [what: string, change: (image: GridImage) => GridImage];

/** The window of a volume that begins at `start`; 0 beyond it. */
function windowOf({ data, sizeVox, affineRas }: GridImage, start: Triple, size: Triple): GridImage {
  const affine = [...affineRas];
  for (const r of [0, 1, 2]) {
    affine[4 * r + 3] += start.reduce((sum, s, a) => sum + s * affineRas[4 * r + a], 0);
  }
  return { data: cutWindow(data, sizeVox, { start, size }), sizeVox: size, affineRas: affine };
}

const centred = (size: Triple, to: number) => perAxis((a) => -Math.floor((to - size[a]) / 2));

/** Other margins: padded to cubes of 256 and 300 voxels (or of the next larger size), shifted, cropped to the head. */
export function moved({ sizeVox }: GridImage, head: Box, margin: number): Change[] {
  const cube = (n: number): Change => [
    `padded to ${n}³`,
    (image) => windowOf(image, centred(sizeVox, n), [n, n, n]),
  ];
  const small = Math.max(...sizeVox) < 128;
  return [
    cube(small ? 128 : 256),
    cube(small ? 151 : 300),
    [
      "shifted by (7, −4, 11) voxels",
      (image) =>
        windowOf(
          image,
          [7, -4, 11].map((s, a) =>
            Math.min(Math.max(s, head.end[a] - sizeVox[a]), head.start[a])
          ) as unknown as Triple,
          sizeVox,
        ),
    ],
    [`cropped to the head and ${margin} voxels`, (image) =>
      windowOf(
        image,
        perAxis((a) => head.start[a] - margin),
        perAxis((a) => head.end[a] - head.start[a] + 2 * margin),
      )],
  ];
}

/** The axes in another order and direction: nothing moves in space. */
export function permuted(seed: number, count: number): Change[] {
  const random = seeded(seed);
  return Array.from({ length: count }, (_, k): Change => {
    const order = [0, 1, 2].map((a) => ({ a, at: random() })).sort((p, q) => p.at - q.at).map(({ a }) => a);
    const flip = [0, 1, 2].map(() => random() < 0.5);
    return [`axes ${order.map((a, i) => (flip[i] ? "−" : "") + "xyz"[a]).join("")} (${k})`, (image) => {
      const { data, sizeVox, affineRas } = image;
      const size = perAxis((i) => sizeVox[order[i]]), affine = [...affineRas];
      for (const r of [0, 1, 2]) {
        let origin = affineRas[4 * r + 3];
        for (const i of [0, 1, 2]) {
          const step = affineRas[4 * r + order[i]];
          affine[4 * r + i] = flip[i] ? -step : step;
          if (flip[i]) origin += (size[i] - 1) * step;
        }
        affine[4 * r + 3] = origin;
      }
      const out = new Float32Array(data.length), at = [0, 0, 0];
      for (let i = 0, v = 0; i < size[0]; i++) {
        for (let j = 0; j < size[1]; j++) {
          for (let l = 0; l < size[2]; l++, v++) {
            [i, j, l].forEach((p, axis) => at[order[axis]] = flip[axis] ? size[axis] - 1 - p : p);
            out[v] = data[(at[0] * sizeVox[1] + at[1]) * sizeVox[2] + at[2]];
          }
        }
      }
      return { data: out, sizeVox: size, affineRas: affine };
    }];
  });
}

/** Other intensities of the same picture: scale, dust, strays, small negative values, another background, noise in air. */
export function changes(seed: number): Change[] {
  const random = seeded(seed), normal = () => 2 * (random() + random() + random() - 1.5);
  const bright = ({ data }: GridImage) => data.reduce((a, b) => Math.max(a, b), 0);
  const outside = (image: GridImage, value: (bright: number) => number): GridImage => {
    const top = bright(image);
    return { ...image, data: image.data.map((v) => v === 0 ? value(top) : v) };
  };
  return [
    ["a scale of 1e-5", (image) => ({ ...image, data: image.data.map((v) => v * 1e-5) })],
    ["dust of 5e-27", (image) => outside(image, () => 5e-27 * random())],
    ["small negative values", (image) => outside(image, (top) => -0.002 * top * random())],
    ["strays", (image) => {
      const top = bright(image), data = image.data.slice(), n = voxelsOf(image.sizeVox);
      for (let k = 0; k < 5; k++) data[Math.floor(0.02 * n * random())] = 2 * top;
      return { ...image, data };
    }],
    ["a background of a hundredth of the brightest voxel", (image) => outside(image, (top) => 0.01 * top)],
    ["noise in air", (image) => outside(image, (top) => 0.005 * top * Math.hypot(normal(), normal()))],
  ];
}

/** The volume in slices of `mm` along its third axis, each the mean of what it covers. */
export function thick(image: GridImage, mm: number): GridImage {
  const [nx, ny, nz] = image.sizeVox, depth = Math.floor(nz / mm), affineRas = [...image.affineRas];
  for (const r of [0, 1, 2]) {
    affineRas[4 * r + 3] += image.affineRas[4 * r + 2] * (mm - 1) / 2;
    affineRas[4 * r + 2] *= mm;
  }
  const data = new Float32Array(nx * ny * depth);
  for (let row = 0; row < nx * ny; row++) {
    for (let z = 0; z < depth * mm; z++) data[row * depth + Math.floor(z / mm)] += image.data[row * nz + z] / mm;
  }
  return { data, sizeVox: [nx, ny, depth], affineRas };
}
