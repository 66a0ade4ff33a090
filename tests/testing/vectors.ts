/** The fill rule, inputs and row format of docs/method F.2, which F.5 and F.6 share. */
import { allocate, sizeOf, type Tensor, tensor } from "../../src/tensor/mod.ts";
import { fromOfficialLayout, type NetworkSpec, officialEntries, type Weights } from "../../src/nets/mod.ts";

/** The row of an array in docs/method: mean, population standard deviation, first, middle and last element. */
export type Row = readonly [mean: number, std: number, first: number, middle: number, last: number];

type VectorDType = "float32" | "float64";

/** Element i of the k-th entry in the official layout: sin(0.37 i + k), scaled by the role of the entry. */
function filled(
  key: string,
  { shape, k, dtype }: { shape: readonly number[]; k: number; dtype: VectorDType },
): Tensor {
  const rank = shape.length;
  const name = key.slice(key.lastIndexOf(".") + 1);
  const [offset, scale] = name === "running_var"
    ? [1, 0.1]
    : name === "running_mean"
    ? [0, 0.05]
    : rank <= 1
    ? [name === "weight" ? 1 : 0, 0.1]
    : [0, 1 / Math.sqrt(sizeOf(shape.slice(1)))];
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = offset + scale * Math.sin(0.37 * i + k);
  return tensor(dtype, shape, data);
}

/**
 * F.2's weights for a network, in the layout of `nets/`; with `template` also one under its official key. Idle parameters
 * are left out, but are numbered unless `idle` is false: the model of F.6 was made without them.
 */
export function vectorWeights(
  spec: NetworkSpec,
  { template, idle = true, dtype: as = "float32" }: {
    readonly template?: readonly number[];
    readonly idle?: boolean;
    readonly dtype?: VectorDType;
  } = {},
): Weights {
  const weights = new Map<string, Tensor>();
  const entries = officialEntries(spec, { template }).filter((e) => idle || !e.idle);
  for (const [k, { key, officialKey, dtype, shape, idle: unused }] of entries.entries()) {
    if (dtype !== "float32" || unused) continue;
    weights.set(
      key ?? officialKey,
      fromOfficialLayout(filled(officialKey, { shape, k, dtype: as }), { kind: spec.kind, key: officialKey }),
    );
  }
  return weights;
}

/** F.2's input: element i is 0.5 + 0.5 sin(0.01 i), times `factor`. */
export function vectorInput(shape: readonly number[], factor = 1, dtype: VectorDType = "float32"): Tensor {
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = factor * (0.5 + 0.5 * Math.sin(0.01 * i));
  return tensor(dtype, shape, data);
}

/** The row of a tensor. */
export function rowOf({ data }: Pick<Tensor, "data">): Row {
  const values = data as Float32Array | Float64Array;
  const n = values.length;
  let mean = 0, square = 0;
  for (const v of values) mean += v / n;
  for (const v of values) square += (v - mean) ** 2 / n;
  return [mean, Math.sqrt(square), values[0], values[Math.floor(n / 2)], values[n - 1]];
}

/** Compares a row with docs/method's; `tolerance` is relative to the row's standard deviation. */
export function assertRow(
  name: string,
  t: Tensor,
  { expected, tolerance }: { expected: Row; tolerance: number },
): void {
  const actual = rowOf(t);
  const errors = actual.map((v, i) => Math.abs(v - expected[i]) / expected[1]);
  const worst = Math.max(...errors);
  if (!(worst <= tolerance)) {
    throw new Error(`${name}: worst error ${worst} std > ${tolerance}: expected ${expected}, got ${actual}`);
  }
}
