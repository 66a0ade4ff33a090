/**
 * Test cases of operators, and how they become nodes of a graph with seeded inputs.
 * Not tests: `ops_test.ts` differentiates the cases, `tests/conformance_test.ts` runs them on the engines.
 */
import type { GraphBuilder } from "../../build/builder.ts";
import type { AttrsOf, OpName, Value } from "../../ir/ir.ts";
import { applied } from "../../ir/signatures.ts";
import { type DType, isFloat, Random, sizeOf, type Tensor, tensor } from "../../../tensor/mod.ts";

/**
 * How an input's elements are drawn: `normal` N(0, 1); `positive` in [½, 2]; `inner` in [−0.9, 0.9]; `apart` evenly
 * spaced over ±2 and shuffled, so that no two are close and none is near 0 (for operators with kinks).
 */
export type Fill = "normal" | "positive" | "inner" | "apart";

/** An input of the graph; gradients are taken with respect to it where it is a float. */
export interface CaseInput {
  readonly shape: readonly number[];
  readonly fill: Fill;
  /** Elements in place of the fill. */
  readonly data?: readonly number[];
  /** Default: the float type under test. */
  readonly dtype?: Exclude<DType, "float32" | "float64">;
  /** A constant of the graph, without gradient: always for integers, on engines for floats (other kernels run then). */
  readonly constant?: true;
}

/** An operand: an input, a scalar or 1-D int64 constant, or null where an optional input is absent. */
export type CaseOperand = CaseInput | number | readonly number[] | null;

export interface Case<K extends OpName> {
  /** The subject of the case, unique within its operator. */
  readonly shows: string;
  readonly inputs: readonly CaseOperand[];
  readonly attrs?: Partial<AttrsOf<K>>;
  /** The gradients of Σ y by input, for inputs at a kink, where differences do not agree with any. */
  readonly kink?: readonly (readonly number[])[];
  /** Provider → the reason why it cannot run the case. */
  readonly skips?: Readonly<Record<string, string>>;
}

/** The cases of one family of operators. */
export type CaseTable = { readonly [K in OpName]?: readonly Case<K>[] };

/** A float input. */
export function float(shape: readonly number[], fill: Fill = "normal"): CaseInput {
  return { shape, fill };
}

/** A float input of given elements. */
export function exactly(shape: readonly number[], data: readonly number[]): CaseInput {
  return { shape, fill: "normal", data };
}

/** A float input that engines see as a constant. */
export function weights(shape: readonly number[]): CaseInput {
  return { shape, fill: "normal", constant: true };
}

/** An input of another type. */
export function typed(dtype: CaseInput["dtype"], shape: readonly number[], data: readonly number[]): CaseInput {
  return { shape, fill: "normal", dtype, data };
}

/** A case inside a graph. */
export interface PlacedCase {
  readonly y: Value;
  /** The float graph inputs, in order. */
  readonly wanted: readonly Value[];
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** Adds case `c` of `op` to `b`, with float inputs of type `dtype`; the same numbers for the same case, always. */
export function placeCase<K extends OpName>(
  b: GraphBuilder,
  { op, c, dtype, constants = false }: {
    readonly op: K;
    readonly c: Case<K>;
    readonly dtype: "float32" | "float64";
    /** True if floats marked `constant` become constants. */
    readonly constants?: boolean;
  },
): PlacedCase {
  const feeds: Record<string, Tensor> = {};
  const wanted: Value[] = [];
  const operands = c.inputs.map((operand, i) => {
    if (operand === null || typeof operand === "number" || "length" in operand) return operand;
    const value = caseTensor(operand, { dtype, stream: `${op}/${c.shows}/${i}` });
    if (operand.constant && (constants || operand.dtype !== undefined)) return b.constant(value);
    const name = `${op}_${c.shows}_${i}`;
    feeds[name] = value;
    const input = b.input(name, { dtype: value.dtype, shape: value.shape });
    if (isFloat(value.dtype)) wanted.push(input);
    return input;
  });
  return { y: applied(b.op, op, { inputs: operands, attrs: c.attrs ?? {} }), wanted, feeds };
}

/** The elements of a case's input; floats are float32 numbers whatever the dtype, so that all engines see the same. */
function caseTensor(spec: CaseInput, { dtype, stream }: { dtype: DType; stream: string }): Tensor {
  const data = spec.data ?? fillData(spec.fill, { n: sizeOf(spec.shape), random: new Random(stream) });
  return tensor(spec.dtype ?? dtype, spec.shape, data.map(Math.fround));
}

function fillData(fill: Fill, { n, random }: { n: number; random: Random }): number[] {
  const list = (f: (i: number) => number) => Array.from({ length: n }, (_, i) => f(i));
  if (fill === "normal") return list(() => random.normal());
  if (fill === "positive") return list(() => 0.5 + 1.5 * random.uniform());
  if (fill === "inner") return list(() => 1.8 * random.uniform() - 0.9);
  return random.shuffle(list((i) => 4 * (i + 0.7) / n - 2));
}
