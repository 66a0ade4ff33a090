/**
 * The intermediate representation: plain, immutable graphs of ONNX operators with static shapes and one output a node.
 * Not ONNX itself: `read/` brings foreign graphs into this form, `write/` makes files of it.
 */
import type { NdArray, Tensor, TensorType } from "../../tensor/mod.ts";
import type { AttrsOf, InputsOf, OpName, Ops, PerInput, Value } from "./signatures.ts";

export type AttrValue = number | string | readonly number[];
/** Attributes whatever the operator. */
export type Attrs = Readonly<Record<string, AttrValue>>;

/** One application of an operator; `op` discriminates the union over `K`. An absent input is "", as in ONNX. */
export type Node<K extends OpName = OpName> = {
  readonly [P in K]: {
    readonly op: P;
    readonly inputs: readonly string[];
    readonly output: string;
    readonly attrs: AttrsOf<P>;
  };
}[K];

/**
 * The node with other inputs and another output. Lists every field, so that a new field does not compile without it.
 */
export function rewired<K extends OpName>(
  { op, attrs }: Node<K>,
  { inputs, output }: { readonly inputs: readonly string[]; readonly output: string },
): Node<K> {
  return { op, inputs, output, attrs };
}

/** A node inside a builder, which holds values in place of names. */
export type BuiltNode<K extends OpName = OpName> = {
  readonly [P in K]: {
    readonly op: P;
    readonly x: PerInput<P, Value>;
    readonly y: Value;
    readonly attrs: AttrsOf<P>;
  };
}[K];

/** A graph in execution order. Every value has a type; constants are ONNX initializers. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly Node[];
  readonly types: ReadonlyMap<string, TensorType>;
}

/** An input for shape inference: its type, and its tensor when it is a constant. */
export interface InputInfo extends TensorType {
  readonly constant?: Tensor;
}

/** The forward values that a gradient rule may use. */
export interface VjpContext<K extends OpName> {
  readonly x: PerInput<K, Value>;
  readonly y: Value;
  readonly attrs: AttrsOf<K>;
  /** The tensor of input `i`, when it is a constant. */
  constant(i: number): Tensor | undefined;
}

/**
 * Reverse-mode rule: returns the gradient of each input (null: none) from that of the output. The walk in `autodiff.ts`
 * undoes broadcasting, sums fan-out and drops gradients that nobody asked for; no rule does.
 */
export type Vjp<K extends OpName> = (op: Ops, context: VjpContext<K>, dy: Value) => readonly (Value | null)[];

/** The output does not depend smoothly on any input: gradients stop here. */
export const NO_GRADIENT = Symbol("no gradient");

/** A gradient that is not implemented, with the reason that users read. */
export interface Unsupported {
  readonly unsupported: string;
}

/** Marks an operator that has no gradient rule, with the reason that users read. */
export function unsupported(why: string): Unsupported {
  return { unsupported: why };
}

/** The record of one operator. */
export interface OpDef<K extends OpName> {
  /** Completes partly given attributes. Throws on a wrong value. */
  readonly attrs?: (given: Partial<AttrsOf<K>>, inputs: PerInput<K, InputInfo>) => AttrsOf<K>;
  /** Returns the output's type. Throws `TypeError` or `RangeError` with the wrong types or shapes. */
  readonly infer: (inputs: PerInput<K, InputInfo>, attrs: AttrsOf<K>) => TensorType;
  readonly vjp: Vjp<K> | typeof NO_GRADIENT | Unsupported;
  /** The operator in float64, the reference of engines and gradients. `y` is the inferred output type. */
  readonly evaluate: (inputs: PerInput<K, NdArray>, attrs: AttrsOf<K>, y: TensorType) => NdArray;
}

export type { AttrsOf, InputsOf, OpName, Ops, PerInput, Value };
