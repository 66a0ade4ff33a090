/** The nodes that use a constant, behind those that only move its elements, and the part that it plays in them. */
import type { Graph, Node } from "../../../graph/mod.ts";

/** A node that computes with a constant. */
export interface Use {
  readonly node: Node;
  /** The number of the input. */
  readonly at: number;
  /** The constant's shape there. */
  readonly shape: readonly number[];
  /** The nodes between, in order. */
  readonly path: readonly Node[];
}

/**
 * `kernel`: of a convolution or matrix product, or its bias; `scale` and `shift` of a normalisation; `statistic`: a running
 * mean or variance; `slope` of a PRelu; `image`: elementwise with the image before any weight; `other`.
 */
export type Role = "kernel" | "scale" | "shift" | "statistic" | "slope" | "image" | "other";

/** Operators whose first input passes through unchanged, whole or in part. */
const MOVES: ReadonlySet<string> = new Set([
  "Cast",
  "Expand",
  "Gather",
  "Identity",
  "Pad",
  "Reshape",
  "Slice",
  "Tile",
  "Transpose",
]);

const NORMALISATIONS: ReadonlySet<string> = new Set([
  "BatchNormalization",
  "InstanceNormalization",
  "LayerNormalization",
]);

const PRODUCTS: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

const ELEMENTWISE: ReadonlySet<string> = new Set(["Add", "Div", "Mul", "Sub"]);

export class ConstantUses {
  readonly #graph: Graph;
  readonly #consumers = new Map<string, { node: Node; at: number }[]>();
  /** Values that depend on the image. */
  readonly #computed: Set<string>;
  /** Those of them without a weight on the way. */
  readonly #plain: Set<string>;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#computed = new Set(graph.inputs);
    this.#plain = new Set(graph.inputs);
    for (const node of graph.nodes) {
      node.inputs.forEach((name, at) => {
        const all = this.#consumers.get(name);
        if (all === undefined) this.#consumers.set(name, [{ node, at }]);
        else all.push({ node, at });
      });
      const computed = node.inputs.filter((name) => this.#computed.has(name));
      if (computed.length === 0) continue;
      this.#computed.add(node.output);
      const weighs = PRODUCTS.has(node.op) || NORMALISATIONS.has(node.op);
      if (!weighs && computed.every((name) => this.#plain.has(name))) this.#plain.add(node.output);
    }
  }

  /** The nodes that compute with a constant. */
  of(name: string, path: readonly Node[] = []): Use[] {
    return (this.#consumers.get(name) ?? []).flatMap(({ node, at }) =>
      MOVES.has(node.op) && at === 0
        ? this.of(node.output, [...path, node])
        : [{ node, at, path, shape: this.#graph.types.get(name)!.shape }]
    );
  }

  role({ node: { op, inputs }, at }: Use): Role {
    if (PRODUCTS.has(op)) {
      // a product of constants: the left one is data, as coordinates that a small network turns into a bias
      return at === 0 && !this.#computed.has(inputs[1]) ? "other" : "kernel";
    }
    if (NORMALISATIONS.has(op) && at > 0) return at === 1 ? "scale" : at === 2 ? "shift" : "statistic";
    if (op === "PRelu") return at === 1 ? "slope" : "other";
    if (!ELEMENTWISE.has(op)) return "other";
    const other = inputs[1 - at];
    return this.#plain.has(other) ? "image" : "other";
  }

  /** True where the constant is added to what a Softmax takes. */
  entersSoftmax({ node }: Use): boolean {
    if (node.op !== "Add") return false;
    const softmaxBehind = (name: string): boolean =>
      (this.#consumers.get(name) ?? []).some(({ node: { op, output } }) =>
        op === "Softmax" || ((op === "Add" || op === "Reshape") && softmaxBehind(output))
      );
    return softmaxBehind(node.output);
  }
}
