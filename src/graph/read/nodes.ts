/**
 * Brings the nodes of a foreign graph into a builder by their rules. A branch of If whose condition follows from
 * constants and sizes takes the node's place.
 */
import { isGraph } from "./decode.ts";
import type { FoldingBuilder } from "./fold.ts";
import type { Value } from "../ir/ir.ts";
import { quoted, toNumbers } from "../../tensor/mod.ts";
import { checkShape, type ImportLimits, nodeLabel, type RawGraph, type RawNode } from "./raw.ts";
import { CONSTANT_RULES } from "./rules/constant.ts";
import { checkDtype } from "./rules/dtypes.ts";
import { ELEMENTWISE_RULES } from "./rules/elementwise.ts";
import { GRID_RULES } from "./rules/grid.ts";
import { MATMUL_RULES } from "./rules/matmul.ts";
import { NORM_RULES } from "./rules/norm.ts";
import { QUANTIZED_RULES } from "./rules/quantized.ts";
import { REDUCE_RULES } from "./rules/reduce.ts";
import { RuleContext, type Rules } from "./rules/rule.ts";
import { SHAPE_RULES } from "./rules/shape.ts";
import { WINDOW_RULES } from "./rules/window.ts";
import { explained } from "./tensors.ts";

/** Operator of ONNX → its form in operators of the IR. All other operators but If are refused by name. */
export const IMPORT_RULES: Rules = {
  ...CONSTANT_RULES,
  ...ELEMENTWISE_RULES,
  ...GRID_RULES,
  ...MATMUL_RULES,
  ...NORM_RULES,
  ...QUANTIZED_RULES,
  ...REDUCE_RULES,
  ...SHAPE_RULES,
  ...WINDOW_RULES,
};

/** Most nodes of the IR for a node of the file, on average. */
const MAX_GROWTH = 10;

interface Around {
  /** The values known so far by their names in the file; those of the graph are added. */
  readonly values: Map<string, Value>;
  readonly opset: number;
  readonly limits: ImportLimits;
}

/**
 * Adds the constants and nodes of `graph` to the builder.
 * @returns the values of branches by their names in the file
 */
export function importNodes(b: FoldingBuilder, graph: RawGraph, { values, opset, limits }: Around): [string, Value][] {
  const unknown = graph.nodes.find(({ op }) => !isKnown(op));
  if (unknown !== undefined) throw unknownOperator(unknown);
  const importer = new NodeImporter(b, { opset, limits, used: new Set(namesUsed(graph)) });
  for (const [name, value] of graph.constants) values.set(name, b.parameter(value, name));
  importer.add(graph.nodes, values);
  return importer.inner;
}

/** All names that nodes and outputs use, those of branches included. */
export function namesUsed({ outputs, nodes }: Pick<RawGraph, "outputs" | "nodes">): string[] {
  const graphs = nodes.flatMap(({ attrs }) => [...attrs.values()].filter(isGraph));
  return [...outputs, ...nodes.flatMap((n) => n.inputs), ...graphs.flatMap(namesUsed)];
}

const isKnown = (op: string) => op === "If" || Object.hasOwn(IMPORT_RULES, op);

const EVALUATION = 'export the network in evaluation mode ("model.eval()", training=TrainingMode.EVAL), ' +
  "or with its probability of dropping set to 0";
const UNROLLED = "export without torch.jit.script, so that the loop is unrolled";
const TENSORS = "export with dynamo=True, which writes tensors in place of sequences";
const STATIC = "its result has a size that depends on the data: leave it out of the exported network";

/** Operators that are refused for good, with the remedy. */
const REMEDIES: Readonly<Record<string, string>> = {
  Bernoulli: EVALUATION,
  ConcatFromSequence: TENSORS,
  Loop: UNROLLED,
  Multinomial: EVALUATION,
  NonMaxSuppression: STATIC,
  RandomNormal: EVALUATION,
  RandomNormalLike: EVALUATION,
  RandomUniform: EVALUATION,
  RandomUniformLike: EVALUATION,
  Scan: UNROLLED,
  SequenceAt: TENSORS,
  SequenceConstruct: TENSORS,
  SequenceEmpty: TENSORS,
  SequenceInsert: TENSORS,
  SplitToSequence: TENSORS,
  Unique: STATIC,
};

function unknownOperator(node: RawNode): TypeError {
  const remedy = Object.hasOwn(REMEDIES, node.op)
    ? REMEDIES[node.op]
    : "export with another operator; docs/operators.md lists those that it knows";
  return new TypeError(
    `Cannot import ${nodeLabel(node)}: expected an operator that Sulcus knows, got ${quoted(node.op)}: ${remedy}`,
  );
}

interface Setting {
  readonly opset: number;
  readonly limits: ImportLimits;
  /** All names that some node or output uses. */
  readonly used: ReadonlySet<string>;
}

/** The result of `read`; its errors say what to do, if only where it is written. */
function withRemedy<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && !/: [^:]*(export|quantise)/.test(error.message)) {
      error.message += "; docs/onnx.md shows how to export";
    }
    throw error;
  }
}

class NodeImporter {
  readonly inner: [string, Value][] = [];
  readonly #b: FoldingBuilder;
  readonly #setting: Setting;

  constructor(b: FoldingBuilder, setting: Setting) {
    this.#b = b;
    this.#setting = setting;
  }

  add(nodes: readonly RawNode[], values: Map<string, Value>): void {
    const { limits } = this.#setting, b = this.#b;
    for (const node of nodes) {
      const from = b.nodes.length;
      const outputs = node.op === "If" ? this.#branch(node, values) : this.#rule(node, values);
      if (b.nodes.length > MAX_GROWTH * limits.nodes) {
        throw new RangeError(
          `Cannot import model: expected at most ${MAX_GROWTH * limits.nodes} nodes after rewriting`,
        );
      }
      for (const { y } of b.nodes.slice(from)) checkShape(y.shape, nodeLabel(node), limits);
      node.outputs.forEach((name, i) => i < outputs.length && name !== "" && values.set(name, outputs[i]));
    }
  }

  #rule(node: RawNode, values: ReadonlyMap<string, Value>): readonly Value[] {
    if (!isKnown(node.op)) throw unknownOperator(node);
    const inputs = node.inputs.map((name) => (name === "" ? null : values.get(name)!));
    return explained(nodeLabel(node), () =>
      withRemedy(() => {
        const context = new RuleContext(this.#b, node, node.opset ?? this.#setting.opset, inputs);
        checkDtype(context);
        const result = IMPORT_RULES[node.op](context);
        const outputs = "dtype" in result ? [result] : result;
        context.finish();
        const missing = node.outputs.find((name, i) => i >= outputs.length && this.#setting.used.has(name));
        if (missing !== undefined && missing !== "") {
          throw new TypeError(`expected use of output 0 only, got ${quoted(missing)}`);
        }
        return outputs;
      }));
  }

  /** The values of the branch that the condition chooses. Its names are its own. */
  #branch(node: RawNode, values: ReadonlyMap<string, Value>): readonly Value[] {
    const { constants, nodes, outputs } = explained(nodeLabel(node), () => this.#chosen(node, values));
    const own = new Map(values);
    for (const [name, value] of constants) own.set(name, this.#b.parameter(value));
    this.add(nodes, own);
    for (const [name, value] of own) if (values.get(name) !== value) this.inner.push([name, value]);
    return outputs.map((name) => own.get(name)!);
  }

  #chosen({ inputs, attrs, outputs }: RawNode, values: ReadonlyMap<string, Value>): RawGraph {
    const condition = values.get(inputs[0] ?? ""), known = condition && this.#b.known(condition);
    if (known?.dtype !== "bool" || known.data.length !== 1) {
      throw new TypeError(
        "expected a condition that follows from constants and the input's sizes, got one computed at run time: " +
          "export without torch.jit.script, or resolve it with onnxsim",
      );
    }
    const name = toNumbers(known)[0] === 0 ? "else_branch" : "then_branch", branch = attrs.get(name);
    if (branch === undefined || !isGraph(branch)) throw new TypeError(`expected a graph in attribute ${name}`);
    if (branch.outputs.length !== outputs.length) {
      throw new RangeError(`expected ${outputs.length} outputs of ${name}, got ${branch.outputs.length}`);
    }
    return branch;
  }
}
