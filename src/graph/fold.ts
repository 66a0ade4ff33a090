/**
 * A builder that computes at once what depends on constants only, so that shape arithmetic vanishes from imported
 * graphs. Not an optimiser: a parameter stays a parameter, whatever is done to it.
 */
import { GraphBuilder } from "./builder.ts";
import type { Attrs, OpName, Value } from "./ir.ts";
import { fromTensor, type NdArray } from "./ndarray.ts";
import { opDef } from "./ops/mod.ts";
import { allocate, isFloat, sizeOf, type Tensor, type TensorType } from "./tensor.ts";

/** Operators whose cost is not about the number of elements that go in and out. */
const HEAVY: ReadonlySet<OpName> = new Set<OpName>([
  "AveragePool",
  "Conv",
  "ConvTranspose",
  "Gemm",
  "MatMul",
  "MaxPool",
  "Resize",
]);

/** The largest float64 that fits. */
const MAX_INT64 = 2 ** 63 - 1024;

/** Largest result that is computed here, and how many elements all folding of one graph may touch. */
const FOLD_LIMITS = { elements: 2 ** 22, total: 2 ** 27 };

export class FoldingBuilder extends GraphBuilder {
  /** Named float constants and what is computed from them: what training changes. */
  readonly #parameters = new Set<string>();
  readonly #lazy = new Map<string, () => Tensor | undefined>();
  #budget = FOLD_LIMITS.total;

  /** A constant of the file: a float with at least one axis counts as a parameter and keeps its name. */
  parameter(value: Tensor, name: string): Value {
    const declared = this.constant(value, name);
    if (isFloat(value.dtype) && value.shape.length > 0) this.#parameters.add(name);
    return declared;
  }

  override add(op: OpName, x: readonly (Value | null)[], given: Attrs = {}): Value {
    const y = super.add(op, x, given);
    const node = this.nodes.at(-1)!;
    const inputs = node.x.map((v) => (v === null ? null : this.constantOf(v) ?? null));
    const known = node.x.every((v) => v === null || this.constantOf(v) !== undefined || this.#lazy.has(v.name));
    if (!known || HEAVY.has(op)) return y;
    if (node.x.some((v) => v !== null && (this.#parameters.has(v.name) || this.#lazy.has(v.name)))) {
      this.#lazy.set(y.name, () => this.#fold(op, node.x.map((v) => v && (this.known(v) ?? null)), node.attrs, y));
      return y;
    }
    const folded = this.#fold(op, inputs, node.attrs, y);
    return folded === undefined ? y : this.constant(folded);
  }

  /** The tensor behind a value, when it depends on constants only and is small enough to compute. */
  known(value: Value): Tensor | undefined {
    const found = this.constantOf(value) ?? this.#lazy.get(value.name)?.();
    if (found !== undefined && this.#lazy.has(value.name)) this.#lazy.set(value.name, () => found);
    return found;
  }

  #fold(op: OpName, inputs: readonly (Tensor | null)[], attrs: Attrs, y: TensorType): Tensor | undefined {
    const work = inputs.reduce((n, t) => n + (t?.data.length ?? 0), sizeOf(y.shape));
    if (sizeOf(y.shape) > FOLD_LIMITS.elements || work > this.#budget) return undefined;
    this.#budget -= work;
    const arrays = inputs.map((t) => (t === null ? undefined : fromTensor(t)));
    return rounded(opDef(op).evaluate(arrays as NdArray[], attrs, y), y);
  }
}

/** Rounds float64 results to the dtype of `type`; integers saturate. */
function rounded({ data }: NdArray, { dtype, shape }: TensorType): Tensor {
  const out = allocate(dtype, data.length);
  if (out instanceof BigInt64Array) {
    data.forEach((v, i) => out[i] = BigInt(Math.trunc(Math.min(Math.max(v, -(2 ** 63)), MAX_INT64))));
  } else out.set(data);
  return { dtype, shape, data: out };
}
