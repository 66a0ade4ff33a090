/**
 * Mixed precision: products and convolutions take bfloat16 operands; their sums and everything else, weights and
 * optimizer state included, stay in float32. bfloat16 has float32's range, so that losses need no scaling. For devices
 * with units for it; 8 bits of mantissa change a result by about 0.4 %.
 */
import { ONNX_DTYPES } from "../ir/dtypes.ts";
import type { BuiltNode, Node, OpName, Ops, Value } from "../ir/ir.ts";
import { applied } from "../ir/signatures.ts";
import { sizeOf, type Tensor } from "../../tensor/mod.ts";
import { type Match, pass } from "./pass.ts";

/** Products with fewer terms than this are cheaper than the casts around them. */
const MIN_TERMS = 16;

const narrow = (op: Ops, v: Value) => op.Cast(v, { to: ONNX_DTYPES.bfloat16 });

/** A matrix of zeros and one other number: its products are sums, means or copies, which stay in float32. */
function sumsOnly({ data }: Tensor): boolean {
  const factor = data.find((v) => Number(v) !== 0);
  return data.every((v) => v === factor || Number(v) === 0);
}

/** The number of products that a convolution sums for an element. */
function termsOf({ op, attrs }: Node<"Conv" | "ConvTranspose">, w: readonly number[]): number {
  if (op === "Conv") return sizeOf(w.slice(1));
  return w[0] / attrs.group;
}

function mixedPrecision<const K extends "Conv" | "ConvTranspose" | "Gemm" | "MatMul">(
  { ops, grouped }: { readonly ops: readonly K[]; readonly grouped: boolean },
) {
  return pass({
    name: "mixed-precision",
    ops,
    match: ({ node, x: [x, w], y, constants }: Match) => {
      if (y.dtype !== "float32") return `of ${y.dtype}`;
      const isConv = node.op === "Conv" || node.op === "ConvTranspose";
      if (isConv && node.attrs.group !== 1 && !grouped) return "grouped: no work for matrix units";
      const terms = isConv ? termsOf(node, w!.shape) : x!.shape.at(-1)!;
      if (terms < MIN_TERMS) return `${terms} terms an element`;
      return constants.slice(0, 2).some((c) => c !== undefined && sumsOnly(c)) ? "a sum" : node;
    },
    rewrite: (op, inputs: readonly (Value | null | undefined)[], { op: name, attrs }) => {
      const narrowed = inputs.map((v) => v == null ? null : narrow(op, v));
      return op.Cast(applied(op, name, { inputs: narrowed, attrs }), { to: ONNX_DTYPES.float32 });
    },
  });
}

/** For ONNX Runtime on CUDA: ConvTranspose has no bfloat16 kernel, an earlier pass makes it a product. */
export const MIXED_PRECISION = mixedPrecision({ ops: ["Conv", "Gemm", "MatMul"], grouped: false });

/** For OpenVINO on the processor, whose grouped and transposed convolutions take bfloat16, too. */
export const MIXED_ON_PROCESSOR = mixedPrecision({
  ops: ["Conv", "ConvTranspose", "Gemm", "MatMul"],
  grouped: true,
});

const isNarrowing = ({ op, attrs }: Pick<Node, "op" | "attrs">): boolean =>
  op === "Cast" && "to" in attrs && attrs.to === ONNX_DTYPES.bfloat16;

/** Operators that move elements, and the number of inputs that hold them; the others state places. */
const MOVED: Readonly<Partial<Record<OpName, number>>> = {
  Concat: Infinity,
  Expand: 1,
  Gather: 1,
  Identity: 1,
  Pad: 1,
  Reshape: 1,
  Slice: 1,
  Transpose: 1,
};

/** Operators of one element, which a device computes within the convolution or product before them. */
const ACTIVATIONS: ReadonlySet<OpName> = new Set<OpName>(["Gelu", "LeakyRelu", "Relu"]);

/** The bfloat16 value that a node widens. */
function widened(node: BuiltNode | undefined): Value | undefined {
  return node?.op === "Cast" && node.x[0].dtype === "bfloat16" && node.y.dtype === "float32" ? node.x[0] : undefined;
}

type Around = Pick<Match, "producerOf" | "constantOf">;

interface Earlier {
  readonly build: (op: Ops) => Value;
}

/** How a value in bfloat16 is built from the node that makes it in float32, if that rounds nothing else. */
function earlier(
  made: BuiltNode | undefined,
  { producerOf, constantOf }: Around,
): Earlier | undefined {
  if (made === undefined || made.y.dtype !== "float32") return undefined;
  const source = widened(made);
  if (source !== undefined) return { build: () => source };
  const inputs: readonly (Value | null | undefined)[] = made.x;
  if (ACTIVATIONS.has(made.op)) {
    const [x] = inputs, from = x && widened(producerOf(x));
    if (from == null) return undefined;
    return { build: (op) => applied(op, made.op, { inputs: [from], attrs: made.attrs }) };
  }
  const moved = MOVED[made.op];
  const isZero = (v: Value | null | undefined) => v == null || Number(constantOf(v)?.data[0]) === 0;
  if (moved === undefined || (made.op === "Pad" && !isZero(inputs[2]))) return undefined;
  const places = made.op === "Pad" ? inputs.slice(0, 2) : inputs; // it pads by zeros of its own type
  return {
    build: (op) => {
      const narrowed = places.map((v, i) => v && i < moved ? narrow(op, v) : v ?? null);
      return applied(op, made.op, { inputs: narrowed, attrs: made.attrs });
    },
  };
}

/**
 * Rounds to bfloat16 before elements are moved instead of afterwards, and where an activation follows a product: half the
 * memory is moved, the numbers are the same.
 */
export const NARROW_EARLY = pass({
  name: "narrow-early",
  repeats: true,
  ops: ["Cast"],
  match: (match) => {
    if (!isNarrowing(match.node) || match.x[0].dtype !== "float32") return undefined;
    const [made] = match.producers, found = earlier(made, match);
    if (found === undefined) return undefined;
    const users = match.usersOf(0);
    const isOnlyNarrowed = widened(made) !== undefined ||
      (users.length === match.usesOf(0) && users.every(isNarrowing));
    return isOnlyNarrowed ? found : "float32 is used, too";
  },
  rewrite: (op, _, { build }) => build(op),
});
