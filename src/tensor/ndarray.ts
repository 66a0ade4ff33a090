/** Float64 arrays in C order and the index arithmetic that the reference `evaluate` functions share. */
import { sizeOf, type Tensor } from "./tensor.ts";

/** Numbers of any dtype as float64: bool as 0 and 1, integers exactly up to 2⁵³. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function ndarray(shape: readonly number[], data?: ArrayLike<number>): NdArray {
  return { shape, data: data === undefined ? new Float64Array(sizeOf(shape)) : Float64Array.from(data) };
}

export function fromTensor(t: Tensor): NdArray {
  return { shape: t.shape, data: Float64Array.from<number | bigint>(t.data, Number) };
}

/** C-order strides, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let n = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = n;
    n *= shape[i];
  }
  return strides;
}

/**
 * A new array of `shape` whose element at index i is `a.data[offset + Σ i_k·strides_k]`; the one loop behind Transpose,
 * Slice, Expand and broadcasting.
 */
export function gatherStrided(
  a: NdArray,
  { shape, strides, offset = 0 }: { shape: readonly number[]; strides: readonly number[]; offset?: number },
): NdArray {
  const out = ndarray(shape);
  const index = new Array<number>(shape.length).fill(0);
  let at = offset;
  for (let i = 0; i < out.data.length; i++) {
    out.data[i] = a.data[at];
    for (let k = shape.length - 1; k >= 0; k--) {
      at += strides[k];
      if (++index[k] < shape[k]) break;
      at -= strides[k] * shape[k];
      index[k] = 0;
    }
  }
  return out;
}

/** NumPy's multidirectional broadcasting. @throws {RangeError} when two dims differ and neither is 1 */
export function broadcastShapes(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    let d = 1;
    for (const s of shapes) {
      const e = s[i - rank + s.length] ?? 1;
      if (e !== 1 && d !== 1 && e !== d) {
        throw new RangeError(`expected shapes that broadcast, got [${shapes.join("] and [")}]`);
      }
      if (e !== 1) d = e;
    }
    return d;
  });
}

/** `a` repeated to `shape` by broadcasting. */
export function broadcastTo(a: NdArray, shape: readonly number[]): NdArray {
  const own = stridesOf(a.shape);
  const lead = shape.length - a.shape.length;
  const strides = shape.map((_, k) => (k < lead || a.shape[k - lead] === 1 ? 0 : own[k - lead]));
  return gatherStrided(a, { shape, strides });
}

/** Elementwise function of arrays that broadcast together. */
export function zip(f: (...v: number[]) => number, ...arrays: NdArray[]): NdArray {
  const shape = broadcastShapes(...arrays.map((a) => a.shape));
  const [a, b, c] = arrays.map((x) => broadcastTo(x, shape).data);
  const out = ndarray(shape);
  for (let i = 0; i < out.data.length; i++) out.data[i] = f(a[i], b?.[i], c?.[i]);
  return out;
}

/** Elementwise function of one array. */
export function map(f: (v: number) => number, a: NdArray): NdArray {
  const out = ndarray(a.shape);
  for (let i = 0; i < out.data.length; i++) out.data[i] = f(a.data[i]);
  return out;
}

export function transpose(a: NdArray, perm: readonly number[]): NdArray {
  const strides = stridesOf(a.shape);
  return gatherStrided(a, { shape: perm.map((p) => a.shape[p]), strides: perm.map((p) => strides[p]) });
}

export function reshape(a: NdArray, shape: readonly number[]): NdArray {
  return { shape, data: a.data };
}

/** Folds `axes` with `f` from `initial`; folded axes have size 1 in the result. */
export function reduce(
  a: NdArray,
  { axes, initial, f }: { axes: readonly number[]; initial: number; f: (acc: number, v: number) => number },
): NdArray {
  const shape = a.shape.map((d, k) => (axes.includes(k) ? 1 : d));
  const out = ndarray(shape);
  out.data.fill(initial);
  const own = stridesOf(shape).map((s, k) => (axes.includes(k) ? 0 : s));
  const index = new Array<number>(shape.length).fill(0);
  let at = 0;
  for (let i = 0; i < a.data.length; i++) {
    out.data[at] = f(out.data[at], a.data[i]);
    for (let k = shape.length - 1; k >= 0; k--) {
      at += own[k];
      if (++index[k] < a.shape[k]) break;
      at -= own[k] * a.shape[k];
      index[k] = 0;
    }
  }
  return out;
}

/** Batched matrix product with broadcast batch axes: [..., M, K] × [..., K, N]. */
export function matmul(a: NdArray, b: NdArray): NdArray {
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.shape.length - 1];
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const A = broadcastTo(a, [...batch, m, k]).data;
  const B = broadcastTo(b, [...batch, k, n]).data;
  const out = ndarray([...batch, m, n]);
  for (let s = 0; s < sizeOf(batch); s++) {
    for (let i = 0; i < m; i++) {
      const row = (s * m + i) * n;
      for (let p = 0; p < k; p++) {
        const v = A[(s * m + i) * k + p];
        if (v === 0) continue;
        const at = (s * k + p) * n;
        for (let j = 0; j < n; j++) out.data[row + j] += v * B[at + j];
      }
    }
  }
  return out;
}
