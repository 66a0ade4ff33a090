/** Seeded random numbers and smooth random fields for phantoms. Not for anything that needs secrecy or statistics. */

/** A seeded source of uniform numbers in [0, 1) (mulberry32). */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A standard normal number from `random` (Box–Muller). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A smooth function of a point in millimetres with mean 0 and variance about 1. */
export type Field = (x: number, y: number, z: number) => number;

/**
 * A random field of one wavelength: `waves` plane waves of random directions and phases. Its zero surfaces meander as
 * cortical folds do.
 */
export function waveField(random: () => number, options: { wavelengthMm: number; waves: number }): Field {
  const { wavelengthMm, waves } = options;
  const k = new Float64Array(4 * waves);
  for (let i = 0; i < k.length; i += 4) {
    const direction = [normal(random), normal(random), normal(random)];
    const length = Math.hypot(...direction);
    const wave = (2 * Math.PI / wavelengthMm) * (0.8 + 0.4 * random());
    direction.forEach((d, axis) => k[i + axis] = (wave * d) / length);
    k[i + 3] = 2 * Math.PI * random();
  }
  const scale = Math.sqrt(2 / waves);
  return (x, y, z) => {
    let sum = 0;
    for (let i = 0; i < k.length; i += 4) sum += Math.cos(k[i] * x + k[i + 1] * y + k[i + 2] * z + k[i + 3]);
    return scale * sum;
  };
}
