/** A ready network from an ONNX file, continued as a whole: its graph up to the logits, under no head of ours. */
import { type Graph, GraphBuilder, type Node, type Value } from "../../graph/mod.ts";
import type { Values } from "../layers/scope.ts";
import { sameShape } from "../../tensor/mod.ts";
import type { FinalOperator, Net, Task } from "./family.ts";
import { featureOutputs } from "./feature_decoder.ts";
import { encoderOf, inlineEncoder } from "./features/encoder.ts";

export interface WholeNetwork {
  readonly graph: Graph;
  readonly task: Exclude<Task, "encoder">;
  /** The value that inference reads; default the first output. Other outputs, as of deep supervision, are left out. */
  readonly output?: string | undefined;
  /** Feature maps that a further network may be made on; none: there are none. */
  readonly features: readonly string[];
  /** Operators behind the logits, of which the last one is taken off; none: the output holds logits. */
  readonly applied: readonly FinalOperator[];
}

/**
 * The network up to its logits, `out` of a segmentation or `logits` of a classification.
 * @throws {TypeError} the graph does not end as it is said to
 */
export function wholeNetwork(whole: WholeNetwork): { net: Net; takenOff: FinalOperator | null } {
  const { features, task } = whole;
  const { graph, logits, takenOff, isOfFile } = untilLogits(whole);
  const { constants, graph: used } = encoderOf({ graph, features: [logits, ...features] });
  const image = graph.types.get(graph.inputs[0])!.shape, names = featureOutputs(features);
  const head = task === "segmentation" ? "out" : "logits";
  const outputs = (values: ReadonlyMap<string, Value>): Values => ({
    [head]: values.get(logits)!,
    ...Object.fromEntries(features.map((feature, i) => [names[i], values.get(feature)!])),
  });
  const net: Net = {
    name: "onnxWhole",
    example: image,
    constants,
    inputFault: (shape) => sameShape(shape, image) ? null : `the network's [${image}]`,
    inference: [head, ...names],
    heads: [head],
    forward: (s, x) => outputs(inlineEncoder(s, x, { graph: used, constants })),
    ...(isOfFile && {
      head: () => {
        const b = new GraphBuilder();
        const inputs = [...new Set([logits, ...features])].map((v) => [v, b.input(v, graph.types.get(v)!)] as const);
        return b.build("onnxWhole", outputs(new Map(inputs)));
      },
    }),
  };
  return { net, takenOff };
}

/** Operators that leave every number as it is. */
const MOVES: ReadonlySet<string> = new Set(["Cast", "Identity", "Reshape", "Transpose"]);

interface UntilLogits {
  readonly graph: Graph;
  readonly logits: string;
  readonly takenOff: FinalOperator | null;
  /** The file has these logits under this name. */
  readonly isOfFile: boolean;
}

/** The graph without the last of the operators that are taken off; `logits` is the value in its place. */
function untilLogits({ graph, output = graph.outputs[0], applied }: WholeNetwork): UntilLogits {
  const producers = new Map(graph.nodes.map((node) => [node.output, node]));
  const last = lastOf(output, producers);
  const found = isFinal(last?.op) ? last.op : null;
  if (applied.length === 0) {
    if (found !== null) {
      throw new TypeError(
        `expected logits at ${output}, which its manifest's activation states, got the output of ${found}; import the ` +
          "network again, so that its manifest states the activation that it has",
      );
    }
    return { graph, logits: output, takenOff: null, isOfFile: true };
  }
  if (last === undefined || found === null || !applied.includes(found)) {
    throw new TypeError(
      `expected ${applied.join(" or ")} behind the logits of ${output}, which its manifest's activation states, got ` +
        `${last?.op ?? "the image"}; export the network up to its logits`,
    );
  }
  if (found !== "ArgMax") return { ...beforeOf(last, output, graph), takenOff: found };
  // what is compared: logits, or the probabilities of a Softmax before
  const [compared] = last.inputs, before = lastOf(compared, producers);
  checkAxis(last, graph);
  const bare = before?.op === "Softmax"
    ? beforeOf(before, compared, graph)
    : { graph, logits: compared, isOfFile: true };
  return { ...bare, takenOff: found };
}

/** The value that `name` would be without the operator behind it, which other ones may have moved. */
function beforeOf(operator: Node, name: string, graph: Graph): Omit<UntilLogits, "takenOff"> {
  return operator.output === name
    ? { graph, logits: operator.inputs[0], isOfFile: true }
    : { graph: without(graph, operator), logits: name, isOfFile: false };
}

const isFinal = (op: string | undefined): op is FinalOperator =>
  op === "Sigmoid" || op === "Softmax" || op === "ArgMax";

/** The node behind a value, past those that only move numbers. */
function lastOf(name: string, producers: ReadonlyMap<string, Node>): Node | undefined {
  const node = producers.get(name);
  return node !== undefined && MOVES.has(node.op) ? lastOf(node.inputs[0], producers) : node;
}

function without(graph: Graph, { inputs: [input], output }: Node): Graph {
  const pass: Node = { op: "Identity", inputs: [input], output, attrs: {} };
  return { ...graph, nodes: graph.nodes.map((node) => node.output === output ? pass : node) };
}

/** @throws {TypeError} the arg-max does not compare the channels [N, C, X, Y, Z] */
function checkAxis({ attrs, inputs: [x] }: Node, { types }: Graph): void {
  const axis = Number(Object(attrs).axis), { shape } = types.get(x)!;
  if (shape.length === 5 && (axis + 5) % 5 === 1) return;
  throw new TypeError(
    `expected ArgMax over axis 1 of [N, C, X, Y, Z], got axis ${axis} of [${shape}]; export the network up to its logits`,
  );
}
