/**
 * The intermediate representation: plain, immutable graphs of ONNX operators with static shapes and one output a node.
 * Not ONNX itself: `read/` brings foreign graphs into this form, `write/` makes files of it.
 */
import type { NdArray, Tensor, TensorType } from "../../tensor/mod.ts";
import type { AttrsOf, InputsOf, OpName, Ops, PerInput, Value } from "./signatures.ts";

export type AttrValue = number | string | readonly number[];
/** Attributes of an operator that is not known. */
export type Attrs = Readonly<Record<string, AttrValue>>;

/** One operator application: a union over the operators `K`, told apart by `op`. An absent input is "", as in ONNX. */
export type Node<K extends OpName = OpName> = {
  readonly [P in K]: {
    readonly op: P;
    readonly inputs: readonly string[];
    readonly output: string;
    readonly attrs: AttrsOf<P>;
  };
}[K];

/** The node with other inputs and another output. It lists every field: a new one does not compile until it is here. */
export function rewired<K extends OpName>(
  { op, attrs }: Node<K>,
  { inputs, output }: { readonly inputs: readonly string[]; readonly output: string },
): Node<K> {
  return { op, inputs, output, attrs };
}

/** The same inside a builder, with its values. */
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

/** What shape inference sees of one input: its type, and its tensor when it is a constant. */
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
 * Reverse-mode rule: from the gradient of the output, the gradient of each input (null: none). Broadcasting is undone,
 * fan-out summed and what nobody asked for dropped by the walk in `autodiff.ts`, never here.
 */
export type Vjp<K extends OpName> = (op: Ops, context: VjpContext<K>, dy: Value) => readonly (Value | null)[];

/** The output does not depend smoothly on any input: gradients stop here. */
export const NO_GRADIENT = Symbol("no gradient");

/** A gradient that is not implemented, with the reason that the error shows. */
export interface Unsupported {
  readonly unsupported: string;
}

/** Marks an operator that has no gradient rule, with the reason that the user sees. */
export function unsupported(why: string): Unsupported {
  return { unsupported: why };
}

/** Everything the compiler knows of one operator. */
export interface OpDef<K extends OpName> {
  /** Completes partly given attributes; receives the inputs' types. Throws on a wrong value. */
  readonly attrs?: (given: Partial<AttrsOf<K>>, inputs: PerInput<K, InputInfo>) => AttrsOf<K>;
  /** The output's type. Throws `TypeError` or `RangeError` naming the offending shapes. */
  readonly infer: (inputs: PerInput<K, InputInfo>, attrs: AttrsOf<K>) => TensorType;
  readonly vjp: Vjp<K> | typeof NO_GRADIENT | Unsupported;
  /** Float64 reference. `y` is the inferred output type. */
  readonly evaluate: (inputs: PerInput<K, NdArray>, attrs: AttrsOf<K>, y: TensorType) => NdArray;
}

export type { AttrsOf, InputsOf, OpName, Ops, PerInput, Value };
