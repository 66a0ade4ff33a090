/** Import rules of matrix products, softmax, attention and Einsum. */
import type { Value } from "../../ir/ir.ts";
import { sizeOf, tensor } from "../../../tensor/mod.ts";
import { view } from "./shape.ts";
import { listLength, type RuleContext, type Rules } from "./rule.ts";

/** A vector counts as one row on the left and as one column on the right; that axis is dropped again. */
function matMul(c: RuleContext): Value {
  const a = c.x(0), b = c.x(1);
  if (a.shape.length === 0 || b.shape.length === 0) throw new RangeError("expected vectors or matrices, got a scalar");
  const rows = a.shape.length === 1 ? c.op.Reshape(a, [1, ...a.shape]) : a;
  const columns = b.shape.length === 1 ? c.op.Reshape(b, [...b.shape, 1]) : b;
  const y = c.op.MatMul(rows, columns);
  const shape = [
    ...y.shape.slice(0, -2),
    ...(a.shape.length === 1 ? [] : y.shape.slice(-2, -1)),
    ...(b.shape.length === 1 ? [] : y.shape.slice(-1)),
  ];
  return view(c, y, shape);
}

function gemm(c: RuleContext): Value {
  return c.op.Gemm(c.x(0), c.x(1), c.optional(2), {
    alpha: c.number("alpha") ?? 1,
    beta: c.number("beta") ?? 1,
    transA: c.number("transA") ?? 0,
    transB: c.number("transB") ?? 0,
  });
}

/** Before operator set 13 the axes from `axis` (default 1) to the last count as one. */
function softmax(op: "Softmax" | "LogSoftmax") {
  return (c: RuleContext): Value => {
    const x = c.x(0), rank = x.shape.length;
    const axis = c.axis(c.opset < 13 ? 1 : -1, rank);
    if (c.opset >= 13 || sizeOf(x.shape.slice(axis + 1)) === 1) return c.op[op](x, { axis });
    const rows = c.op.Reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
    return c.op.Reshape(c.op[op](rows, { axis: 1 }), x.shape);
  };
}

/** One term of an Einsum: a letter for every axis; "..." has become capital letters. */
type Term = readonly string[];

function terms(equation: string, inputs: readonly Value[]): { operands: Term[]; output: Term } {
  const [left, right] = equation.replaceAll(" ", "").split("->");
  const listed = left.split(",");
  if (listed.length !== inputs.length) throw new RangeError(`expected ${inputs.length} terms in "${equation}"`);
  const hidden = (text: string, rank: number) => Math.max(0, rank - text.replace("...", "").length);
  const most = Math.max(...listed.map((t, i) => (t.includes("...") ? hidden(t, inputs[i].shape.length) : 0)));
  const capitals = Array.from({ length: most }, (_, k) => `.${k}`);
  const read = (text: string, n: number): Term => {
    const [before, after] = text.split("...");
    return after === undefined ? [...text] : [...before, ...capitals.slice(most - n), ...after];
  };
  const operands = listed.map((t, i) => read(t, hidden(t, inputs[i].shape.length)));
  operands.forEach((t, i) => {
    if (t.length !== inputs[i].shape.length || new Set(t).size !== t.length) {
      throw new RangeError(`expected distinct letters for [${inputs[i].shape}] in "${equation}"`);
    }
  });
  const all = operands.flat();
  const once = [...new Set(all)].filter((l) => !l.startsWith(".") && all.indexOf(l) === all.lastIndexOf(l)).sort();
  const output = right === undefined ? [...capitals, ...once] : read(right, most);
  if (new Set(output).size !== output.length || output.some((l) => !all.includes(l))) {
    throw new RangeError(`expected output letters that an input has, once each, in "${equation}"`);
  }
  return { operands, output };
}

function permuted(c: RuleContext, x: Value, { from, to }: { from: Term; to: Term }): Value {
  const perm = to.map((l) => from.indexOf(l));
  return perm.every((p, k) => p === k) ? x : c.op.Transpose(x, { perm });
}

/** One or two operands: sums the axes that only one has, then makes one batched product. */
function einsum(c: RuleContext): Value {
  const inputs = c.all();
  const equation = c.text("equation") ?? "";
  if (inputs.length > 2) throw new RangeError(`expected one or two operands, got ${inputs.length} in "${equation}"`);
  const { operands, output } = terms(equation, inputs);
  const summed = inputs.map((x, i) => {
    const others = [...operands.filter((_, j) => j !== i).flat(), ...output];
    const axes = operands[i].flatMap((l, k) => (others.includes(l) ? [] : [k]));
    return {
      x: axes.length === 0 ? x : c.op.ReduceSum(x, axes, { keepdims: 0 }),
      term: operands[i].filter((_, k) => !axes.includes(k)),
    };
  });
  const [a, b] = summed;
  if (b === undefined) return permuted(c, a.x, { from: a.term, to: output });
  const shared = a.term.filter((l) => b.term.includes(l));
  const batch = shared.filter((l) => output.includes(l)), inner = shared.filter((l) => !output.includes(l));
  const rows = a.term.filter((l) => !shared.includes(l)), columns = b.term.filter((l) => !shared.includes(l));
  const sizes = (v: { x: Value; term: Term }, letters: Term) => letters.map((l) => v.x.shape[v.term.indexOf(l)]);
  const batchSizes = sizes(a, batch);
  if ([...batchSizes, ...sizes(a, inner)].join() !== [...sizes(b, batch), ...sizes(b, inner)].join()) {
    throw new RangeError(`expected equal sizes per letter in "${equation}", got [${a.x.shape}] and [${b.x.shape}]`);
  }
  const left = permuted(c, a.x, { from: a.term, to: [...batch, ...rows, ...inner] });
  const right = permuted(c, b.x, { from: b.term, to: [...batch, ...inner, ...columns] });
  const m = sizes(a, rows), n = sizes(b, columns), k = sizeOf(sizes(a, inner));
  const y = c.op.MatMul(
    view(c, left, [...batchSizes, sizeOf(m), k]),
    view(c, right, [...batchSizes, k, sizeOf(n)]),
  );
  const apart = view(c, y, [...batchSizes, ...m, ...n]);
  return permuted(c, apart, { from: [...batch, ...rows, ...columns], to: output });
}

/** [B, T, heads·D] → [B, heads, T, D]; a value of four axes is returned unchanged. */
function splitHeads(c: RuleContext, x: Value, heads: number | undefined): Value {
  if (x.shape.length === 4) return x;
  const [n, t, width] = x.shape;
  if (x.shape.length !== 3 || !(heads! >= 1) || width % heads! !== 0) {
    throw new RangeError(`expected [B, heads, T, D], or [B, T, heads·D] and a number of heads, got [${x.shape}]`);
  }
  return c.op.Transpose(c.op.Reshape(x, [n, t, heads!, width / heads!]), { perm: [0, 2, 1, 3] });
}

/** Grouped queries: each head of keys and values serves several neighbouring heads of queries. */
function repeatHeads(c: RuleContext, x: Value, heads: number): Value {
  const [n, own, t, d] = x.shape, group = heads / own;
  if (!Number.isInteger(group)) throw new RangeError(`expected key heads that divide ${heads} query heads, got ${own}`);
  if (group === 1) return x;
  return c.op.Reshape(c.op.Expand(c.op.Reshape(x, [n, own, 1, t, d]), [n, own, group, t, d]), [n, heads, t, d]);
}

// softmax(q·kᵀ·scale + mask)·v
function attention(c: RuleContext): Value {
  const { op } = c;
  c.only("softcap", 0);
  c.only("qk_matmul_output_mode", 0);
  c.ignore("softmax_precision");
  const heads = c.number("q_num_heads"), kvHeads = c.number("kv_num_heads");
  const flat = c.x(0).shape.length === 3;
  const q = splitHeads(c, c.x(0), heads);
  const [k, v] = [1, 2].map((i) => repeatHeads(c, splitHeads(c, c.x(i), kvHeads), q.shape[1]));
  const scale = c.number("scale") ?? 1 / Math.sqrt(q.shape[3]);
  let scores = op.Mul(op.MatMul(q, op.Transpose(k, { perm: [0, 1, 3, 2] })), scale);
  const [rows, columns] = scores.shape.slice(-2);
  if (c.number("is_causal") === 1) {
    const keep = Uint8Array.from(
      { length: listLength(rows * columns) },
      (_, i) => Number(i % columns <= Math.floor(i / columns)),
    );
    scores = op.Where(tensor("bool", [rows, columns], keep), scores, LOWEST);
  }
  const mask = c.optional(3);
  if (mask !== null) scores = mask.dtype === "bool" ? op.Where(mask, scores, LOWEST) : op.Add(scores, mask);
  const y = op.MatMul(op.Softmax(scores, { axis: -1 }), v);
  if (!flat) return y;
  return op.Reshape(op.Transpose(y, { perm: [0, 2, 1, 3] }), [y.shape[0], y.shape[2], y.shape[1] * y.shape[3]]);
}

/** A masked score: unlike −∞ it makes no NaN of a row that is masked as a whole. */
const LOWEST = -1e30;

export const MATMUL_RULES: Rules = {
  Attention: attention,
  Einsum: einsum,
  Gemm: gemm,
  LogSoftmax: softmax("LogSoftmax"),
  MatMul: matMul,
  Softmax: softmax("Softmax"),
};
