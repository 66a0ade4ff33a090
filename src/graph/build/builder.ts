/**
 * Builds graphs: `b.op.Conv(x, w, null, {…})` infers the type at once and adds a node. Not an optimiser: every node
 * stays until `build()` drops those that no output needs.
 *
 * @example const b = new GraphBuilder(); const x = b.input("x", { dtype: "float32", shape: [1, 4] }); const graph =
 *   b.build("double", { y: b.op.Mul(x, 2) });
 */
import type { Attrs, AttrsOf, BuiltNode, Graph, InputInfo, Node, OpName, Ops, Value } from "../ir/ir.ts";
import { type DType, isFloat, type Tensor, tensor, type TensorType } from "../../tensor/mod.ts";
import { inputsOf, type Operand } from "../ir/signatures.ts";
import { opDef, OPS } from "../ops/mod.ts";

export class GraphBuilder {
  /** `op.X(inputs…, attributes?)` for every operator of the table. */
  readonly op: Ops;
  readonly nodes: BuiltNode[] = [];
  readonly #inputs: Value[] = [];
  readonly #constants = new Map<string, Tensor>();
  readonly #scalars = new Map<string, Value>();
  readonly #names = new Set<string>();
  #next = 0;

  constructor() {
    this.op = Object.fromEntries(
      (Object.keys(OPS) as OpName[]).map((name) => [name, (...args: unknown[]) => this.#call(name, args)]),
    ) as unknown as Ops;
  }

  /** The graph inputs declared so far. */
  get inputs(): readonly Value[] {
    return this.#inputs;
  }

  /** Declares a graph input. @throws {RangeError} when the name is taken */
  input(name: string, type: TensorType): Value {
    const value = this.#declare(name, type);
    this.#inputs.push(value);
    return value;
  }

  /** Adds a constant (an ONNX initializer). */
  constant(value: Tensor, name?: string): Value {
    const declared = this.#declare(name ?? this.#fresh("const"), value);
    this.#constants.set(declared.name, value);
    return declared;
  }

  /** The tensor behind a value, when it is a constant. */
  constantOf(value: Value | null | undefined): Tensor | undefined {
    return value == null ? undefined : this.#constants.get(value.name);
  }

  /** A scalar or 1-D constant; equal ones are one value. */
  literal(dtype: DType, value: number | readonly number[]): Value {
    const key = `${dtype}:${typeof value === "number" ? value : `[${value}]`}`;
    let found = this.#scalars.get(key);
    if (found === undefined) {
      found = this.constant(
        typeof value === "number" ? tensor(dtype, [], [value]) : tensor(dtype, [value.length], value),
      );
      this.#scalars.set(key, found);
    }
    return found;
  }

  /** Adds a node by the name of its operator: `op.X` for passes and importers, which hold names and lists of values. */
  add<K extends OpName>(op: K, x: readonly (Value | null | undefined)[], given: Partial<AttrsOf<K>> = {}): Value {
    const inputs = x.slice(0, x.findLastIndex((v) => v != null) + 1).map((v) => v ?? null);
    const infos = inputsOf(
      op,
      inputs.map((v): InputInfo | null => v && { dtype: v.dtype, shape: v.shape, constant: this.constantOf(v) }),
    );
    const def = opDef(op);
    let attrs: AttrsOf<K>, type: TensorType;
    try {
      attrs = def.attrs?.(given, infos) ?? given as AttrsOf<K>; // without `attrs` an operator has no attributes
      type = def.infer(infos, attrs);
    } catch (error) {
      if (error instanceof Error) error.message = `Cannot apply ${op}: ${error.message}`;
      throw error;
    }
    const y = this.#declare(this.#fresh(op), type);
    this.nodes.push(anyNode({ op, x: inputsOf(op, inputs), y, attrs }));
    return y;
  }

  /**
   * Replays `graph` into this builder and returns its values by name. `bind` returns the values of its inputs and may
   * replace constants; `visit` may return a value in place of a node.
   */
  inline(
    graph: Graph,
    bind: (name: string, type: TensorType, constant: Tensor | undefined) => Value | undefined,
    visit?: (node: Node, values: ReadonlyMap<string, Value>) => Value | undefined,
  ): Map<string, Value> {
    const values = new Map<string, Value>();
    for (const name of [...graph.inputs, ...graph.constants.keys()]) {
      const constant = graph.constants.get(name);
      const bound = bind(name, graph.types.get(name)!, constant);
      if (bound !== undefined) values.set(name, bound);
      else if (constant !== undefined) {
        values.set(name, this.constant(constant, this.#names.has(name) ? undefined : name));
      } else throw new RangeError(`Cannot inline ${graph.name}: input ${name} is not bound`);
    }
    for (const node of graph.nodes) {
      const replaced = visit?.(node, values);
      values.set(
        node.output,
        replaced ?? this.add(node.op, node.inputs.map((i) => (i === "" ? null : values.get(i)!)), node.attrs),
      );
    }
    return values;
  }

  /**
   * Returns the finished graph: outputs have the given names, nodes that no output needs are dropped.
   * @throws {RangeError} an output's name belongs to another value
   */
  build(name: string, outputs: Readonly<Record<string, Value>>): Graph {
    const rename = new Map<string, string>();
    const sources = new Set([...this.#inputs.map((v) => v.name), ...this.#constants.keys()]);
    const tail: BuiltNode[] = [];
    for (const [outputName, value] of Object.entries(outputs)) {
      if (value.name === outputName) continue;
      if (this.#names.has(outputName)) {
        throw new RangeError(`Cannot build ${name}: the output name ${outputName} is taken`);
      }
      if (sources.has(value.name) || rename.has(value.name)) {
        tail.push({ op: "Identity", x: [value], y: { ...value, name: outputName }, attrs: {} });
      } else rename.set(value.name, outputName);
    }
    const needed = new Set(Object.values(outputs).map((v) => v.name));
    const kept: BuiltNode[] = [];
    for (const node of this.nodes.toReversed()) {
      if (!needed.has(node.y.name)) continue;
      for (const v of node.x) if (v != null) needed.add(v.name);
      kept.push(node);
    }
    const final = (n: string) => rename.get(n) ?? n;
    const nodes = [...kept.reverse(), ...tail];
    const constants = new Map([...this.#constants].filter(([n]) => needed.has(n)));
    const types = new Map<string, TensorType>();
    for (const v of this.#inputs) types.set(v.name, { dtype: v.dtype, shape: v.shape });
    for (const [n, t] of constants) types.set(n, { dtype: t.dtype, shape: t.shape });
    for (const { y } of nodes) types.set(final(y.name), { dtype: y.dtype, shape: y.shape });
    return {
      name,
      inputs: this.#inputs.map((v) => v.name),
      outputs: Object.keys(outputs),
      constants,
      nodes: nodes.map((node) => graphNode(node, final)),
      types,
    };
  }

  #call(name: OpName, args: readonly unknown[]): Value {
    const last = args.at(-1);
    const hasAttrs = typeof last === "object" && last !== null && !Array.isArray(last) && !("dtype" in last);
    const operands = (hasAttrs ? args.slice(0, -1) : args) as readonly Operand[];
    const isValue = (v: Operand): v is Value => typeof v === "object" && v !== null && "name" in v;
    const isTensor = (v: Operand): v is Tensor => typeof v === "object" && v !== null && "data" in v;
    const values = operands.filter((v) => isValue(v) || isTensor(v));
    const dtype = (values.find((v) => isFloat(v.dtype)) ?? values[0])?.dtype ?? "float32";
    const x = operands.map((v) => {
      if (v === null || isValue(v)) return v;
      if (isTensor(v)) return this.constant(v);
      return typeof v === "number" ? this.literal(dtype, v) : this.literal("int64", v);
    });
    return this.add(name, x, hasAttrs ? (last as Attrs) : {});
  }

  #declare(name: string, type: TensorType): Value {
    if (this.#names.has(name)) throw new RangeError(`Cannot declare ${name}: the name is taken`);
    this.#names.add(name);
    return { name, dtype: type.dtype, shape: type.shape };
  }

  #fresh(stem: string): string {
    let name: string;
    do name = `${stem}_${this.#next++}`; while (this.#names.has(name));
    return name;
  }
}

/**
 * A node of operator `K` as a member of the union over all operators, which TypeScript does not derive for a free `K`.
 */
function anyNode<K extends OpName>(node: BuiltNode<K>): BuiltNode {
  return node as BuiltNode;
}

function graphNode<K extends OpName>({ op, x, y, attrs }: BuiltNode<K>, final: (name: string) => string): Node<K> {
  return { op, inputs: x.map((v) => (v == null ? "" : final(v.name))), output: final(y.name), attrs };
}
