/**
 * Weight gradients of convolutions with three taps along depth by minimal filtering along that axis: with the matrices
 * of `minimal_filter.ts` dw = Gᵀ·((A·dy) ⊙ (Bᵀ·x)), summed over tiles.
 */
import type { Ops, Value } from "../../ir/ir.ts";
import { type Tensor, tensor } from "../../../tensor/mod.ts";
import { matrix } from "./matrix.ts";
import { FLOAT_BYTES, pass, type Target } from "../pass.ts";
import { byChannels, dense, weightGradientSample } from "../samples.ts";
import { collide, type Geometry, geometry, isWeightGradient, joined } from "./weight_gradient.ts";
import { inputMatrix, outputMatrix, pointsOf, type Slab, slabs, TAPS, whyNoTiles } from "./minimal_filter.ts";
import { combined } from "./winograd.ts";

/** Moves [E, C, H, W] along its last axis by `shift` and cuts or pads it with zeros to `width`. */
function movedColumns(op: Ops, v: Value, shift: number, width: number): Value {
  const end = width - v.shape[3] - shift;
  return shift === 0 && end === 0 ? v : op.Pad(v, [0, 0, 0, shift, 0, 0, 0, end], 0, {});
}

/**
 * [E, C, H, W] → [E, C, taps, rows, W]: the rows from `first(tap)` on. The last row of `v`, zeros, stands for others.
 */
function rowsOfTaps(op: Ops, v: Value, { taps, rows, first }: {
  readonly taps: number;
  readonly rows: number;
  readonly first: (tap: number) => number;
}): Value {
  const zeros = v.shape[2] - 1;
  const read = Int32Array.from({ length: taps * rows }, (_, i) => {
    const row = first(Math.floor(i / rows)) + i % rows;
    return row >= 0 && row < zeros ? row : zeros;
  });
  return op.Gather(v, tensor("int32", [taps, rows], read), { axis: 2 });
}

/**
 * x and dy. The one with fewer channels, `far`, is copied for the taps along height; the other is moved along width.
 */
interface Meeting {
  readonly x: Value;
  readonly dy: Value;
  readonly farIsX: boolean;
}

/** Most products of a slab of several tiles. */
const MAX_PRODUCTS = 16;

/** Products at a time whose copies stay within the budget. */
function mostProducts({ c, m, size, kernel }: Geometry, { temporaryBytes }: Target): number {
  const [few, many] = [Math.min(c, m), Math.max(c, m)];
  const bytes = FLOAT_BYTES * (few * (kernel[1] + 1) + 2 * many) * size[1] * size[2];
  return Math.min(Math.max(1, Math.floor(temporaryBytes / bytes)), MAX_PRODUCTS);
}

/** Rows of zeros at the end of a plane: one, or two where channels would otherwise compete for cache places. */
const zeroRows = ({ shape: [, , , h, w] }: Value) => collide((h + 1) * w) ? 2 : 1;

const turned = ({ dtype, shape: [rows, columns], data }: Tensor) =>
  matrix(dtype, [columns, rows], (i, j) => Number(data[j * columns + i]));

/** The products `points` of a slab, summed over its tiles: [points, kw · far channels · kh · near channels]. */
function products(
  op: Ops,
  { x, dy, farIsX }: Meeting,
  { kernel: [, kh, kw], pads: [pad, top, left] }: Geometry,
  { sample, slab, points }: { sample: number; slab: Slab; points: readonly number[] },
): Value {
  const { tiles, input, output } = slab, batch = tiles * points.length;
  const more = zeroRows(dy);
  const slices = (v: Value, [from, to]: readonly [number, number], by: Tensor) => {
    const [channels, n, depth, h, w] = v.shape;
    const read = op.Pad(v, [0, -sample, -from, 0, 0, 0, sample + 1 - n, to - depth, more, 0], 0, {});
    return op.Reshape(combined(op, read, { sampleAxis: 1, by }), [batch, channels, h + more, w]);
  };
  const xs = slices(x, input, inputMatrix(x.dtype, slab, { pad, points }));
  const dys = slices(dy, output, turned(outputMatrix(dy.dtype, slab, points)));
  const [far, near] = farIsX ? [xs, dys] : [dys, xs];
  const rows = near.shape[2], width = far.shape[3], sign = farIsX ? -1 : 1;
  const turns = rowsOfTaps(op, far, { taps: kh, rows, first: (k) => -sign * (k - top) });
  const lines = op.Reshape(turns, [batch, far.shape[1] * kh, rows * width]);
  const taps = (k: number) => {
    const columns = op.Reshape(
      movedColumns(op, near, -sign * (k - left), width),
      [batch, near.shape[1], rows * width],
    );
    return op.MatMul(lines, op.Transpose(columns, { perm: [0, 2, 1] }));
  };
  const all = op.Reshape(joined(op, kw, taps, 1), [tiles, points.length, kw * far.shape[1] * kh * near.shape[1]]);
  return tiles === 1 ? op.Reshape(all, all.shape.slice(1)) : op.ReduceSum(all, [0], { keepdims: 0 });
}

/** Divides `all` into parts of at most `most`, equal but for the last. */
function shared(all: readonly number[], most: number): number[][] {
  const size = Math.ceil(all.length / Math.ceil(all.length / most));
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}

function byTiles(
  op: Ops,
  [rows, kernels]: readonly [rows: Value, kernels: Value],
  g: Geometry,
  target: Target,
): Value {
  const { c, m, n, kernel: [, kh, kw] } = g;
  const meeting = { x: rows, dy: kernels, farIsX: c <= m };
  const most = mostProducts(g, target);
  const work = slabs({ input: g.size[0], output: g.out[0], pad: g.pads[0] }, most);
  const parts = [...Map.groupBy(work, ({ filter }) => filter)].flatMap(([filter, slabs]) =>
    shared(pointsOf(filter), most).map((points) => {
      const sums = Array.from(
        { length: n },
        (_, sample) => slabs.map((slab) => products(op, meeting, g, { sample, slab, points })),
      ).flat();
      const sum = sums.reduce((a, part) => op.Add(a, part));
      const taps = op.MatMul(matrix(rows.dtype, [TAPS, points.length], (k, t) => filter.taps[points[t]][k]), sum);
      return op.Div(taps, tensor(rows.dtype, [], [filter.divisor]));
    })
  );
  const taps = parts.reduce((a, part) => op.Add(a, part));
  const [far, near] = meeting.farIsX ? [c, m] : [m, c];
  const perm = meeting.farIsX ? [2, 4, 0, 3, 1] : [4, 2, 0, 3, 1];
  return op.Transpose(op.Reshape(taps, [TAPS, kw, far, kh, near]), { perm });
}

export const WINOGRAD_WEIGHT_GRADIENT = pass({
  name: "winograd-weight-gradient",
  ops: ["Conv"],
  match: (match) => {
    if (!isWeightGradient(match)) return undefined;
    const g = geometry(match);
    const { groups, c, m, kernel, stride, pads: [front], size, out } = g;
    if (groups > 1 || kernel[0] !== TAPS) return undefined;
    if ([...stride, ...match.node.attrs.strides].some((s) => s !== 1)) return "strided or dilated";
    const layer = { c, m, size: out, pads: [front, out[0] + TAPS - 1 - size[0] - front] };
    return whyNoTiles(layer, { channels: 4, pairs: 128 }) ?? g;
  },
  kinds: byChannels(32, 0, [weightGradientSample(dense(32, 32, 24)), weightGradientSample(dense(64, 64, 24))]),
  rewrite: (op, [rows, kernels], g, target) => byTiles(op, [rows, kernels], g, target),
});
