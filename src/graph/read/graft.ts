/**
 * Puts a new head on the graph of a file and other numbers into its constants, node by node as the file has them, so that
 * sizes which it leaves open stay open. The other way to write a network is `write/encode.ts`, for graphs of fixed sizes.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as Kind,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { ONNX_DTYPES } from "../ir/dtypes.ts";
import { type Graph, type Node, rewired } from "../ir/ir.ts";
import { quoted, sameShape, type Tensor, tensorBytes } from "../../tensor/mod.ts";
import { joinModel, nodeProto } from "../write/encode.ts";
import { inputsOf, openModel } from "./decode.ts";
import { parseModel, protoLabel, withFields } from "./proto.ts";
import { IMPORT_LIMITS } from "./raw.ts";

export interface Graft {
  /** In place of the file's constants of these names; `name#2` is for the second node that uses `name`. */
  readonly constants: ReadonlyMap<string, Tensor>;
  /** Its inputs are values of the file, by their names there; its outputs become those of the model. */
  readonly head: Graph;
}

/** Since this operator set a reduction's axes are an input. */
const AXES_AS_INPUT = 18;
const LAYER_NORMALIZATION = 17;

/**
 * The bytes of a model with the file's nodes that `head` needs, in inference form, and the head's.
 * @throws {TypeError} the file's nodes cannot be kept, with the reason
 */
export function graftModel(bytes: Uint8Array, { constants, head }: Graft): Uint8Array<ArrayBuffer> {
  const model = parseModel(bytes, IMPORT_LIMITS);
  const { inlined: { graph, opsets }, opset } = openModel(model, IMPORT_LIMITS);
  const [input] = inputsOf(graph);
  if (opsets.size > 0) throw new TypeError("the file's functions are of another operator set");
  if (elementType(input) !== ONNX_DTYPES.float32) throw new TypeError("the file's input is not float32");
  const tensors = new Map(graph.initializer.map((t) => [t.name, t]));
  const exchange = new Exchange(neededNodes(graph.node, head.inputs), tensors, constants);
  const nodes = exchange.nodes.map(inferenceForm);
  const used = new Set(nodes.flatMap((n) => n.input));
  const kept = [...exchange.tensors.values()].filter(({ name }) => used.has(name));
  const taken = new Set([input.name, ...used, ...nodes.flatMap((n) => n.output)]);
  const own = headParts(head, { taken, opset });
  const body = create(GraphProtoSchema, {
    name: graph.name || "graph",
    input: [input],
    output: head.outputs.map((name) => openInfo(name, head)),
    node: [...nodes, ...own.nodes],
  });
  const rest = withFields(model, { graph: undefined, functions: [], producerName: "sulcus" });
  return joinModel(toBinary(ModelProtoSchema, rest), toBinary(GraphProtoSchema, body), [...kept, ...own.tensors]);
}

function elementType({ type }: ValueInfoProto): number | undefined {
  return type?.value.case === "tensorType" ? type.value.value.elemType : undefined;
}

/** The nodes behind values, in their order. @throws {TypeError} one of them has branches */
function neededNodes(nodes: readonly NodeProto[], values: readonly string[]): NodeProto[] {
  const needed = new Set(values);
  return nodes.toReversed().filter((node) => {
    if (!node.output.some((name) => name !== "" && needed.has(name))) return false;
    if (node.attribute.some(({ type }) => type === Kind.GRAPH)) {
      throw new TypeError(`${protoLabel(node)} of the file chooses between branches`);
    }
    node.input.forEach((name) => needed.add(name));
    return true;
  }).reverse();
}

/** Nodes whose constants have other numbers. */
class Exchange {
  readonly nodes: NodeProto[];
  readonly tensors: Map<string, TensorProto>;

  constructor(
    nodes: readonly NodeProto[],
    tensors: ReadonlyMap<string, TensorProto>,
    constants: ReadonlyMap<string, Tensor>,
  ) {
    this.nodes = [...nodes];
    this.tensors = new Map(tensors);
    for (const [name, tensor] of constants) if (!isCopy(name)) this.#replace(name, tensor);
    for (const [name, tensor] of constants) {
      if (!isCopy(name)) continue;
      this.tensors.set(name, tensorProto(name, tensor));
    }
    const shared = new Map<string, number>();
    for (const name of constants.keys()) {
      const [of] = name.split("#");
      if (isCopy(name)) shared.set(of, (shared.get(of) ?? 1) + 1);
    }
    for (const [name, uses] of shared) this.#part(name, uses);
  }

  #replace(name: string, tensor: Tensor): void {
    const proto = this.tensors.get(name), made = this.nodes.findIndex((n) => n.output.includes(name));
    if (proto === undefined && this.nodes[made]?.opType !== "Constant") {
      throw new TypeError(`the weight ${quoted(name)} is computed in the file`);
    }
    if (proto === undefined) this.nodes.splice(made, 1);
    else if (proto.dataType !== ONNX_DTYPES.float32 || !sameShape(proto.dims.map(Number), tensor.shape)) {
      throw new TypeError(`the weight ${quoted(name)} is not float32 in the file`);
    }
    this.tensors.set(name, tensorProto(name, tensor));
  }

  /** Gives the nodes that share a constant one each. */
  #part(name: string, uses: number): void {
    let found = 0;
    this.nodes.forEach((node, i) => {
      if (!node.input.includes(name)) return;
      this.nodes[i] = withFields(node, {
        input: node.input.map((own) => (own === name && found++ > 0 ? `${name}#${found}` : own)),
      });
    });
    if (found !== uses) throw new TypeError(`the weights that share ${quoted(name)} go through one node of the file`);
  }
}

const isCopy = (name: string) => /#\d+$/.test(name);

const tensorProto = (name: string, t: Tensor): TensorProto =>
  create(TensorProtoSchema, {
    name,
    dims: t.shape.map(BigInt),
    dataType: ONNX_DTYPES[t.dtype],
    rawData: new Uint8Array(tensorBytes(t)),
  });

/** The node as inference computes it: the file may come from training. */
function inferenceForm(node: NodeProto): NodeProto {
  const { opType, input, output, attribute } = node;
  if (opType === "Dropout") return withFields(node, { input: input.slice(0, 1), output: output.slice(0, 1) });
  if (opType !== "BatchNormalization") return node;
  return withFields(node, {
    output: output.slice(0, 1),
    attribute: attribute.filter(({ name }) => name !== "training_mode"),
  });
}

/** The head's nodes and constants with names of their own beside the file's. */
function headParts(
  head: Graph,
  { taken, opset }: { taken: ReadonlySet<string>; opset: number },
): { nodes: NodeProto[]; tensors: TensorProto[] } {
  const known = new Set([...head.inputs, ...head.outputs]);
  const named = (name: string) => (name === "" || known.has(name) || isWeight(name) ? name : `head/${name}`);
  const clash = [...head.outputs, ...head.constants.keys()].map(named)
    .find((name) => taken.has(name) && !head.inputs.includes(name));
  if (clash !== undefined) throw new TypeError(`the file has a value ${quoted(clash)} already`);
  const nodes = head.nodes.map((node) => {
    if (node.op === "LayerNormalization" && opset < LAYER_NORMALIZATION) {
      throw new TypeError(`the file's operator set ${opset} has no LayerNormalization (${LAYER_NORMALIZATION} has)`);
    }
    const axes = node.op === "ReduceMean" && opset < AXES_AS_INPUT ? head.constants.get(node.inputs[1]) : undefined;
    const renamed: Node = rewired(node, { inputs: node.inputs.map(named), output: named(node.output) });
    const proto = create(NodeProtoSchema, nodeProto(renamed));
    if (axes === undefined) return proto;
    const ints = [...axes.data].map((a) => BigInt(a));
    const attribute = create(AttributeProtoSchema, { name: "axes", type: Kind.INTS, ints });
    return withFields(proto, { input: proto.input.slice(0, 1), attribute: [...proto.attribute, attribute] });
  });
  const used = new Set(nodes.flatMap((n) => n.input));
  const tensors = [...head.constants].flatMap(([name, t]) =>
    used.has(named(name)) ? [tensorProto(named(name), t)] : []
  );
  return { nodes, tensors };
}

/** Weights of a head have the dotted names of state dictionaries. */
const isWeight = (name: string) => name.includes(".");

/** The type of an output of which the channels alone are known. */
function openInfo(name: string, { types }: Graph): ValueInfoProto {
  const { dtype, shape } = types.get(name)!;
  // channels-last maps and tokens have theirs elsewhere
  const isHead = shape.length === 2 || name === "out";
  const dim = shape.map((d, k) => isHead && k === 1 ? { value: { case: "dimValue" as const, value: BigInt(d) } } : {});
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType: ONNX_DTYPES[dtype], shape: { dim } } } },
  });
}
