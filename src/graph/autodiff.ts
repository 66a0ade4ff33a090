/** Reverse-mode differentiation: one walk over the nodes of a builder that applies each operator's `vjp`. */
import type { GraphBuilder } from "./build/builder.ts";
import { type BuiltNode, NO_GRADIENT, type OpName, type Value } from "./ir/ir.ts";
import { isFloat, sameShape } from "../tensor/mod.ts";
import { opDef } from "./ops/mod.ts";

/** Thrown for a node between a wanted value and the loss that has no gradient rule, or whose rule fails. */
export class NoGradientError extends TypeError {
  override readonly name = "NoGradientError";
  constructor(readonly op: OpName, readonly value: Value, readonly why: string, options?: ErrorOptions) {
    super(`Cannot differentiate ${op} (node ${value.name}, shape [${value.shape}]): ${why}`, options);
  }
}

/**
 * Appends to `b` the gradients of scalar `loss` with respect to each of `wanted` and returns them in that order
 * (zeros where the loss does not depend on a value).
 * @throws {NoGradientError} an operator without a gradient lies between a wanted value and the loss
 * @throws {TypeError} the loss is not a float scalar
 */
export function gradients(b: GraphBuilder, loss: Value, wanted: readonly Value[]): Value[] {
  const found = gradientsOrNone(b, loss, wanted);
  return wanted.map((v, i) => found[i] ?? b.op.Expand(b.literal(v.dtype, 0), v.shape));
}

/** The same with null in place of zeros: no path of differentiable operators leads from the value to the loss. */
export function gradientsOrNone(b: GraphBuilder, loss: Value, wanted: readonly Value[]): (Value | null)[] {
  if (loss.shape.length !== 0 || !isFloat(loss.dtype)) {
    throw new TypeError(`Cannot differentiate ${loss.name}: expected a float scalar, got ${loss.dtype}[${loss.shape}]`);
  }
  const forward = [...b.nodes];
  const depends = reachable(forward, wanted);
  const grads = new Map<string, Value>([[loss.name, b.literal(loss.dtype, 1)]]);
  for (const node of forward.toReversed()) {
    const dy = grads.get(node.y.name);
    if (dy === undefined || !depends.has(node.y.name)) continue;
    const dxs = applyRule(b, node, dy);
    node.x.forEach((x, i) => {
      const dx = dxs[i];
      if (x == null || dx == null || !depends.has(x.name)) return;
      const sum = grads.get(x.name);
      const own = unbroadcast(b, dx, x.shape);
      grads.set(x.name, sum === undefined ? own : b.op.Add(sum, own));
    });
  }
  return wanted.map((v) => grads.get(v.name) ?? null);
}

/** Names of all float values that depend on one of `wanted`. */
function reachable(nodes: readonly BuiltNode[], wanted: readonly Value[]): Set<string> {
  const depends = new Set(wanted.map((v) => v.name));
  for (const node of nodes) {
    const x: readonly (Value | null | undefined)[] = node.x;
    if (isFloat(node.y.dtype) && x.some((v) => v != null && depends.has(v.name))) depends.add(node.y.name);
  }
  return depends;
}

function applyRule<K extends OpName>(
  b: GraphBuilder,
  { op, x, y, attrs }: BuiltNode<K>,
  dy: Value,
): readonly (Value | null)[] {
  const { vjp } = opDef(op);
  if (vjp === NO_GRADIENT) return [];
  if (typeof vjp !== "function") {
    throw new NoGradientError(op, y, vjp.unsupported);
  }
  const values: readonly (Value | null | undefined)[] = x;
  try {
    return vjp(b.op, { x, y, attrs, constant: (i) => b.constantOf(values[i]) }, dy);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new NoGradientError(op, y, error.message, { cause: error });
  }
}

/** Sums a gradient over the axes along which its value was broadcast. */
function unbroadcast(b: GraphBuilder, dx: Value, shape: readonly number[]): Value {
  if (sameShape(dx.shape, shape)) return dx;
  const lead = dx.shape.length - shape.length;
  const axes = dx.shape.flatMap((d, k) => (k < lead || (shape[k - lead] === 1 && d !== 1) ? [k] : []));
  const summed = axes.length === 0 ? dx : b.op.ReduceSum(dx, axes, { keepdims: 1 });
  return sameShape(summed.shape, shape) ? summed : b.op.Reshape(summed, shape);
}
