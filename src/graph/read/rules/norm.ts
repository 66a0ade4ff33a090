/** Import rules of normalisations. */
import type { Value } from "../../ir/ir.ts";
import { normalizeAxis } from "../../ops/operands.ts";
import { tensor } from "../../../tensor/mod.ts";
import type { RuleContext, Rules } from "./rule.ts";

/** Uses the running statistics even where the file asks for training mode: training writes statistics of its own. */
function batchNormalization(c: RuleContext): Value {
  c.ignore("momentum", "training_mode", "spatial");
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => c.x(i));
  return c.op.BatchNormalization(x, scale, bias, mean, variance, { epsilon: c.number("epsilon") ?? 1e-5 });
}

function layerNormalization(c: RuleContext): Value {
  c.ignore("stash_type");
  const x = c.x(0), scale = c.x(1), axis = c.axis(-1, x.shape.length);
  return c.op.LayerNormalization(x, scale, c.optional(2), { axis, epsilon: c.number("epsilon") ?? 1e-5 });
}

/** Groups of channels as the channels of an InstanceNormalization, then scale and bias per channel. */
function groupNormalization(c: RuleContext): Value {
  const { op } = c;
  c.ignore("stash_type");
  const x = c.x(0), [n, channels, ...spatial] = x.shape;
  const groups = c.number("num_groups") ?? 0;
  if (!(groups >= 1) || channels % groups !== 0) {
    throw new RangeError(`expected groups that divide ${channels} channels, got ${groups}`);
  }
  const per = channels / groups;
  const ones = tensor(x.dtype, [groups], Array(groups).fill(1)),
    zeros = tensor(x.dtype, [groups], Array(groups).fill(0));
  const rows = op.Reshape(x, [n, groups, per * spatial.reduce((a, b) => a * b, 1)]);
  const hat = op.Reshape(
    op.InstanceNormalization(rows, ones, zeros, { epsilon: c.number("epsilon") ?? 1e-5 }),
    x.shape,
  );
  const column = (v: Value) => {
    if (v.shape.length !== 1 || v.shape[0] !== (c.opset < 21 ? groups : channels)) {
      throw new RangeError(`expected a vector of ${c.opset < 21 ? groups : channels}, got [${v.shape}]`);
    }
    const vector = c.opset < 21 ? op.Reshape(op.Expand(op.Reshape(v, [groups, 1]), [groups, per]), [channels]) : v;
    return op.Reshape(vector, [channels, ...spatial.map(() => 1)]);
  };
  return op.Add(op.Mul(hat, column(c.x(1))), column(c.x(2)));
}

/** x / (Σ|x|ᵖ)^(1/p); NaN where the norm is 0. */
function lpNormalization(c: RuleContext): Value {
  const { op } = c;
  c.only("p", 1, 2);
  const x = c.x(0), axis = c.axis(-1, x.shape.length);
  const sum = (v: Value) => op.ReduceSum(v, [axis], { keepdims: 1 });
  return op.Div(x, c.number("p") === 1 ? sum(op.Abs(x)) : op.Sqrt(sum(op.Mul(x, x))));
}

function meanVarianceNormalization(c: RuleContext): Value {
  const { op } = c;
  const x = c.x(0);
  const axes = (c.intsAttr("axes") ?? [0, 2, 3]).map((a) => normalizeAxis(a, x.shape.length));
  const centred = op.Sub(x, op.ReduceMean(x, axes, { keepdims: 1 }));
  const variance = op.ReduceMean(op.Mul(centred, centred), axes, { keepdims: 1 });
  return op.Div(centred, op.Add(op.Sqrt(variance), 1e-9));
}

function rmsNormalization(c: RuleContext): Value {
  const { op } = c;
  c.ignore("stash_type");
  const x = c.x(0), axis = c.axis(-1, x.shape.length);
  const axes = x.shape.flatMap((_, k) => (k >= axis ? [k] : []));
  const square = op.ReduceMean(op.Mul(x, x), axes, { keepdims: 1 });
  return op.Mul(op.Div(x, op.Sqrt(op.Add(square, c.number("epsilon") ?? 1e-5))), c.x(1));
}

export const NORM_RULES: Rules = {
  BatchNormalization: batchNormalization,
  GroupNormalization: groupNormalization,
  InstanceNormalization: (c) =>
    c.op.InstanceNormalization(c.x(0), c.x(1), c.x(2), { epsilon: c.number("epsilon") ?? 1e-5 }),
  LayerNormalization: layerNormalization,
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
  RMSNormalization: rmsNormalization,
};
