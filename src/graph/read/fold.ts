/**
 * A builder that computes values of constants at once, so that shape arithmetic vanishes from imported graphs. Not an
 * optimiser: parameters, and values computed from them, stay in the graph.
 */
import { GraphBuilder } from "../build/builder.ts";
import type { AttrsOf, BuiltNode, OpName, Value } from "../ir/ir.ts";
import { inputsOf } from "../ir/signatures.ts";
import { fromTensor } from "../../tensor/ndarray.ts";
import { allocate, isFloat, type NdArray, sizeOf, type Tensor, type TensorType } from "../../tensor/mod.ts";
import { opDef } from "../ops/mod.ts";

/** Operators whose cost exceeds the number of their elements: never folded. */
const HEAVY: ReadonlySet<OpName> = new Set<OpName>([
  "AveragePool",
  "Conv",
  "ConvTranspose",
  "Gemm",
  "MatMul",
  "MaxPool",
  "Resize",
]);

/** Names of a source's own numbers; those that exporters make up have slashes or colons. */
const DOTTED = /^[^/:]+\.[^/:]+$/;

/** The largest float64 that fits. */
const MAX_INT64 = 2 ** 63 - 1024;

interface FoldLimits {
  /** Largest result that is computed. */
  readonly elements: number;
  /** Largest float result that is computed at once; larger ones are computed only when a rule asks for them. */
  readonly eagerFloats: number;
  /** Most elements that folding may touch in one graph. */
  readonly total: number;
}

const FOLD_LIMITS: FoldLimits = { elements: 2 ** 20, eagerFloats: 2 ** 12, total: 2 ** 24 };

export class FoldingBuilder extends GraphBuilder {
  /** Names of the float constants that training changes. */
  readonly #parameters = new Set<string>();
  readonly #lazy = new Map<string, () => Tensor | undefined>();
  readonly #limits: FoldLimits;
  #budget: number;

  constructor(limits: Partial<FoldLimits> = {}) {
    super();
    this.#limits = { ...FOLD_LIMITS, ...limits };
    this.#budget = this.#limits.total;
  }

  /**
   * A constant of the file: a float with at least one axis, or with the dotted name of a module's parameter (a learnt
   * temperature), counts as a parameter and keeps its name.
   */
  parameter(value: Tensor, name?: string): Value {
    const declared = this.constant(value, name);
    const isArray = value.shape.length > 0;
    if (isFloat(value.dtype) && (isArray || DOTTED.test(name ?? ""))) this.#parameters.add(declared.name);
    return declared;
  }

  /** A constant without elements. */
  empty({ dtype, shape }: TensorType): Value {
    return this.constant({ dtype, shape, data: allocate(dtype, 0) });
  }

  override add<K extends OpName>(
    op: K,
    x: readonly (Value | null | undefined)[],
    given: Partial<AttrsOf<K>> = {},
  ): Value {
    const y = super.add(op, x, given);
    if (sizeOf(y.shape) === 0) return this.empty(y);
    const node = this.nodes.at(-1)!;
    const inputs: readonly (Value | null | undefined)[] = node.x;
    const known = inputs.every((v) => v == null || this.constantOf(v) !== undefined || this.#lazy.has(v.name));
    if (!known || HEAVY.has(op)) return y;
    const fold = () => this.#fold(node);
    const tainted = inputs.some((v) => v != null && (this.#parameters.has(v.name) || this.#lazy.has(v.name)));
    if (!tainted && !(isFloat(y.dtype) && sizeOf(y.shape) > this.#limits.eagerFloats)) {
      const folded = fold();
      if (folded !== undefined) return this.constant(folded);
    }
    this.#lazy.set(y.name, fold);
    return y;
  }

  /** The tensor behind a value, when it depends on constants only and is small enough to compute. */
  known(value: Value): Tensor | undefined {
    const lazy = this.#lazy.get(value.name);
    if (lazy === undefined) return this.constantOf(value);
    const found = lazy();
    this.#lazy.set(value.name, () => found);
    return found;
  }

  #fold<K extends OpName>({ op, x, attrs, y }: BuiltNode<K>): Tensor | undefined {
    const values: readonly (Value | null | undefined)[] = x;
    const inputs = values.map((v) => (v == null ? null : this.known(v)));
    const work = inputs.reduce((n, t) => n + (t?.data.length ?? 0), sizeOf(y.shape));
    if (inputs.includes(undefined) || sizeOf(y.shape) > this.#limits.elements || work > this.#budget) return undefined;
    this.#budget -= work;
    const arrays = inputsOf(op, inputs.map((t) => t && fromTensor(t)));
    return rounded(opDef(op).evaluate(arrays, attrs, y), y);
  }
}

/** Rounds float64 results to the dtype of `type`; integers saturate. */
function rounded({ data }: NdArray, { dtype, shape }: TensorType): Tensor {
  const out = allocate(dtype, data.length);
  if (!isFloat(dtype) && data.some(Number.isNaN)) throw new RangeError("expected integers, got NaN");
  if (out instanceof BigInt64Array) {
    data.forEach((v, i) => out[i] = BigInt(Math.trunc(Math.min(Math.max(v, -(2 ** 63)), MAX_INT64))));
  } else out.set(data);
  return { dtype, shape, data: out };
}
