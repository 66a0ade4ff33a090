/** Mean, deviation and range of an array. */
export interface Moments {
  readonly mean: number;
  /** With the number of values as the divisor. */
  readonly deviation: number;
  readonly least: number;
  readonly most: number;
}

/** Two passes, so that a small deviation of large values keeps its digits. */
export function momentsOf(data: Float32Array): Moments {
  let sum = 0, least = Infinity, most = -Infinity;
  for (let i = 0; i < data.length; i++) {
    const v = data[i];
    sum += v;
    if (v < least) least = v;
    if (v > most) most = v;
  }
  const mean = sum / data.length;
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += (data[i] - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / data.length), least, most };
}
