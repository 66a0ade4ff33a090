/** Import rules of sampling at computed places: GridSample, and AffineGrid, which makes such places. */
import type { Value } from "../../ir/ir.ts";
import { sizeOf, tensor } from "../../../tensor/mod.ts";
import { listLength, type RuleContext, type Rules } from "./rule.ts";

type Padding = "zeros" | "border" | "reflection";

interface Sampling {
  readonly padding: Padding;
  readonly aligned: boolean;
}

/** |x| folded into [low, high] as between two mirrors. */
function reflected({ op }: RuleContext, x: Value, [low, high]: readonly [number, number]): Value {
  const span = high - low;
  if (span <= 0) return op.Mul(x, 0);
  const from = op.Abs(op.Sub(x, low)), turns = op.Floor(op.Div(from, 2 * span));
  const phase = op.Sub(from, op.Mul(turns, 2 * span));
  return op.Add(op.Min(phase, op.Sub(2 * span, phase)), low);
}

/** Positions in voxels along an axis of size `d` from numbers of which −1 and 1 are its ends. */
function positions(c: RuleContext, g: Value, { size: d, padding, aligned }: Sampling & { size: number }): Value {
  const { op } = c;
  const x = aligned ? op.Mul(op.Add(g, 1), (d - 1) / 2) : op.Sub(op.Mul(op.Add(g, 1), d / 2), 0.5);
  if (padding === "zeros") return x;
  const inside = padding === "border" ? x : reflected(c, x, aligned ? [0, d - 1] : [-0.5, d - 0.5]);
  return op.Clip(inside, 0, d - 1);
}

/** A neighbour of the sampled places along one axis: its index as a float, and its weight. */
interface Neighbour {
  readonly at: Value;
  /** Null: 1. */
  readonly weight: Value | null;
}

function neighbours({ op }: RuleContext, x: Value, linear: boolean): Neighbour[] {
  if (!linear) return [{ at: op.Round(x), weight: null }];
  const low = op.Floor(x), share = op.Sub(x, low);
  return [{ at: low, weight: op.Sub(1, share) }, { at: op.Add(low, 1), weight: share }];
}

/** The samples [C, P] of one volume [C, …] at places [P, axes], whose last coordinate is that of the first axis. */
function sample(c: RuleContext, volume: Value, { grid, linear, ...how }: Sampling & { grid: Value; linear: boolean }) {
  const { op } = c;
  const [channels, ...spatial] = volume.shape, [count] = grid.shape;
  const flat = op.Reshape(volume, [channels, sizeOf(spatial)]);
  const axes = spatial.map((size, k) => {
    const column = spatial.length - 1 - k;
    const g = op.Reshape(op.Slice(grid, [column], [column + 1], [1], [1]), [count]);
    return neighbours(c, positions(c, g, { size, ...how }), linear);
  });
  let corners: { index: Value | null; weight: Value | null }[] = [{ index: null, weight: null }];
  spatial.forEach((size, k) => {
    corners = corners.flatMap(({ index, weight }) =>
      axes[k].map((n) => {
        const clipped = op.Clip(n.at, 0, size - 1);
        const outside = how.padding === "zeros" ? op.Cast(op.Equal(clipped, n.at), { to: 1 }) : null;
        const weights = [weight, n.weight, outside].filter((w) => w !== null);
        const step = c.cast(clipped, "int64");
        return {
          index: index === null ? step : op.Add(op.Mul(index, c.b.literal("int64", size)), step),
          weight: weights.length === 0 ? null : weights.reduce((a, b) => op.Mul(a, b)),
        };
      })
    );
  });
  return corners.map(({ index, weight }) => {
    const found = op.Gather(flat, index!, { axis: 1 });
    return weight === null ? found : op.Mul(found, weight);
  }).reduce((a, b) => op.Add(a, b));
}

function gridSample(c: RuleContext): Value {
  const { op } = c;
  const x = c.x(0), grid = c.x(1, "a grid"), [n, channels, ...spatial] = x.shape;
  c.only("mode", "linear", "bilinear", "nearest");
  const linear = (c.text("mode") ?? "linear") !== "nearest";
  const padding = c.choice("padding_mode", ["zeros", "border", "reflection"]);
  const aligned = c.number("align_corners") === 1;
  if (spatial.length < 2 || grid.shape.length !== x.shape.length || grid.shape.at(-1) !== spatial.length) {
    throw new RangeError(`expected a grid [N, …, ${spatial.length}] for [${x.shape}], got [${grid.shape}]`);
  }
  if (grid.shape[0] !== n) throw new RangeError(`expected a grid for each of ${n} samples, got [${grid.shape}]`);
  const target = grid.shape.slice(1, -1), count = sizeOf(target);
  const each = Array.from({ length: n }, (_, i) => {
    const one = (v: Value, shape: readonly number[]) => op.Reshape(op.Slice(v, [i], [i + 1], [0], [1]), shape);
    const places = one(grid, [count, spatial.length]);
    const found = sample(c, one(x, [channels, ...spatial]), { grid: places, linear, padding, aligned });
    return op.Reshape(found, [1, channels, ...target]);
  });
  return n === 1 ? each[0] : op.Concat(...each, { axis: 0 });
}

/** θ·(x, y, z, 1) for the places of a grid of the given size. */
function affineGrid(c: RuleContext): Value {
  const theta = c.x(0), size = c.numbers(1, "size");
  if (size === undefined) throw new TypeError("expected a size, got none");
  const [n, , ...spatial] = size, axes = spatial.length, aligned = c.number("align_corners") === 1;
  const count = listLength(sizeOf(spatial));
  const base = Float32Array.from({ length: count * (axes + 1) }, (_, i) => {
    const k = i % (axes + 1), place = Math.floor(i / (axes + 1));
    if (k === axes) return 1;
    const axis = axes - 1 - k, d = spatial[axis];
    const at = Math.floor(place / sizeOf(spatial.slice(axis + 1))) % d;
    return aligned ? (d === 1 ? 0 : 2 * at / (d - 1) - 1) : (2 * at + 1) / d - 1;
  });
  const rows = tensor("float32", [count, axes + 1], base);
  const turned = c.op.Transpose(theta, { perm: [0, 2, 1] });
  return c.op.Reshape(c.op.MatMul(rows, turned), [n, ...spatial, axes]);
}

export const GRID_RULES: Rules = { AffineGrid: affineGrid, GridSample: gridSample };
