/**
 * Follows the axes of the image through an imported graph: which axis of a value runs along X, Y or Z, whole or in
 * parts, on its own or with others in one axis of tokens. Not shape inference: types are known already.
 */
import type { Graph, Node } from "../../../graph/mod.ts";
import { toNumbers } from "../../../tensor/mod.ts";

/** A part of an axis of the image's grid, or of anything else ("C"). */
export interface Part {
  readonly along: 0 | 1 | 2 | "C";
  readonly size: number;
  /** Voxels of the map between two of this part's positions. */
  readonly every: number;
  /** Voxels of the map along the axis. */
  readonly total: number;
}

/** An axis of a value: its parts from the slowest to the fastest, and rows that come before them, as a class token. */
export interface Axis {
  readonly parts: readonly Part[];
  readonly extra: number;
}

/** The axes of a value; null: they are lost. */
export type Axes = readonly Axis[] | null;

const NONE: Axis = { parts: [], extra: 0 };
const whole = (along: Part["along"], size: number): Axis =>
  size === 1 ? NONE : { parts: [{ along, size, every: 1, total: size }], extra: 0 };
const channels = (size: number) => whole("C", size);

/** The axes of [N, C, …spatial]. */
const ofVolume = (shape: readonly number[]): Axes =>
  shape.length === 5
    ? shape.map((size, k) => k === 0 ? NONE : k === 1 ? channels(size) : whole((k - 2) as 0 | 1 | 2, size))
    : null;

/** The direction of the image along which an axis runs as a whole, or null. */
export function direction({ parts, extra }: Axis): 0 | 1 | 2 | null {
  if (parts.length !== 1 || extra > 0) return null;
  const [{ along, every, size, total }] = parts;
  return along !== "C" && every === 1 && size === total ? along : null;
}

/** Joins neighbours that are parts of one axis. */
function joined(parts: readonly Part[]): Part[] {
  const all: Part[] = [];
  for (const part of parts) {
    const last = all.at(-1);
    if (last !== undefined && last.along === part.along && last.every === part.every * part.size) {
      all[all.length - 1] = { ...part, size: last.size * part.size };
    } else all.push(part);
  }
  return all;
}

/** Cuts a flat list of parts into axes of the target's sizes; null where an axis would end inside a part's step. */
function regrouped(parts: readonly Part[], shape: readonly number[]): Axes {
  const left = [...parts];
  const axes: Axis[] = [];
  for (const size of shape) {
    const own: Part[] = [];
    let missing = size;
    while (missing > 1) {
      const part = left.shift();
      if (part === undefined) return null;
      if (missing % part.size === 0) {
        own.push(part);
        missing /= part.size;
      } else if (part.size % missing === 0) {
        const rest = part.size / missing;
        own.push({ ...part, size: missing, every: part.every * rest });
        left.unshift({ ...part, size: rest });
        missing = 1;
      } else return null;
    }
    axes.push({ parts: joined(own), extra: 0 });
  }
  return left.length === 0 ? axes : null;
}

/** The axes of every value that depends on the image. */
export function axesOf(graph: Graph): Map<string, Axes> {
  const known = new Map<string, Axes>([[graph.inputs[0], ofVolume(graph.types.get(graph.inputs[0])!.shape)]]);
  for (const node of graph.nodes) {
    if (node.inputs.some((name) => known.has(name))) known.set(node.output, axesAfter(node, graph, known));
  }
  return known;
}

/** The axes with those of `changed` sizes renewed: the same direction on another grid. */
function resized(axes: Axes, shape: readonly number[], changed: (k: number) => boolean): Axes {
  return axes && axes.map((axis, k) => {
    if (!changed(k)) return axis;
    const along = axis.parts.length === 1 ? axis.parts[0].along : null;
    return along === null ? NONE : whole(along, shape[k]);
  });
}

function axesAfter(node: Node, graph: Graph, known: ReadonlyMap<string, Axes>): Axes {
  const { op, inputs, output } = node;
  const shapeOf = (name: string) => graph.types.get(name)!.shape;
  const shape = shapeOf(output), x = known.get(inputs[0]) ?? null, from = shapeOf(inputs[0]);
  const constant = (i: number) => toNumbers(graph.constants.get(inputs[i])!);
  switch (op) {
    case "Conv":
    case "ConvTranspose":
    case "AveragePool":
    case "MaxPool":
      return ofVolume(shape);
    case "Transpose":
      return x && node.attrs.perm.map((p) => x[p]);
    case "Reshape":
      return x && (x.some((axis) => axis.extra > 0) ? null : regrouped(x.flatMap((axis) => axis.parts), shape));
    case "MatMul": {
      const b = known.get(inputs[1]) ?? null;
      if (x === null) return b && [...b.slice(0, -2), channels(shape.at(-2)!), b.at(-1)!];
      const columns = b === null || b.length < 2 ? channels(shape.at(-1)!) : b.at(-1)!;
      return x.length === shape.length ? [...x.slice(0, -1), columns] : null;
    }
    case "Gemm":
      return x && x.length === 2 && node.attrs.transA === 0 ? [x[0], channels(shape[1])] : null;
    case "Concat":
      return concatenated(node, {
        shape,
        axes: inputs.map((name) => known.get(name) ?? null),
        sizes: inputs.map((n) => shapeOf(n)[node.attrs.axis]),
      });
    case "Slice": {
      const spec = { starts: constant(1), axes: inputs[3] ? constant(3) : constant(1).map((_, i) => i) };
      return sliced(x, { from, shape, starts: spec.starts, axes: spec.axes.map((a) => (a < 0 ? a + from.length : a)) });
    }
    case "Gather": {
      const { axis } = node.attrs;
      const rank = shapeOf(inputs[1]).length;
      if (x === null) return null;
      const rows = rank === 1 ? resized(x, shape, (k) => k === axis)!.slice(axis, axis + 1) : Array(rank).fill(NONE);
      if (rank > 1 && x[axis].parts.some(({ along }) => along !== "C")) return null;
      return [...x.slice(0, axis), ...rows, ...x.slice(axis + 1)];
    }
    case "GlobalAveragePool":
    case "GlobalMaxPool":
    case "ReduceMax":
    case "ReduceMean":
    case "ReduceMin":
    case "ReduceSum":
      return x && x.length === shape.length ? x.map((axis, k) => (shape[k] === 1 ? NONE : axis)) : null;
    case "Resize":
    case "Pad":
    case "Tile":
      return resized(x, shape, (k) => from[k] !== shape[k]);
    default:
      return broadcast(
        shape,
        inputs.map((name) => known.get(name) ?? null),
        inputs.map((n) => (n === "" ? [] : shapeOf(n))),
      );
  }
}

/** Elementwise: each axis is that of the first operand which is as long. */
function broadcast(shape: readonly number[], operands: readonly Axes[], shapes: readonly (readonly number[])[]): Axes {
  const axes = shape.map((size, k): Axis | null => {
    if (size === 1) return NONE;
    for (const [i, axes] of operands.entries()) {
      const at = k - (shape.length - shapes[i].length);
      if (axes !== null && at >= 0 && shapes[i][at] === size) return axes[at];
    }
    return null;
  });
  // an axis of constants alone, as a learned vector that is repeated: not of the image
  return axes.map((axis, k) => axis ?? channels(shape[k]));
}

/** Along channels, or along one direction, or rows before the tokens. */
function concatenated(
  { attrs: { axis } }: Node<"Concat">,
  { shape, axes, sizes }: { shape: readonly number[]; axes: readonly Axes[]; sizes: readonly number[] },
): Axes {
  const first = axes.find((a) => a !== null);
  if (first == null) return null;
  const own = axes.map((a) => a?.[axis].parts ?? []);
  const spatial = own.flatMap((parts, i) => (parts.some(({ along }) => along !== "C") ? [i] : []));
  const put = (to: Axis) => first.map((old, k) => (k === axis ? to : old));
  if (spatial.length === 0) return put(channels(shape[axis]));
  if (spatial.length === 1 && axes.length > 1) {
    const [at] = spatial;
    const before = sizes.slice(0, at).reduce((n, d) => n + d, 0);
    const isLast = at === sizes.length - 1;
    const own = axes[at]!;
    return isLast && own[axis].extra === 0 ? own.map((old, k) => (k === axis ? { ...old, extra: before } : old)) : null;
  }
  const along = new Set(own.map((parts) => (parts.length === 1 ? parts[0].along : "C")));
  const [only] = along;
  return along.size === 1 && only !== "C" ? put(whole(only, shape[axis])) : null;
}

/** Cuts of channels, of directions, and of the rows before tokens. */
function sliced(
  x: Axes,
  { from, shape, starts, axes }: {
    from: readonly number[];
    shape: readonly number[];
    starts: readonly number[];
    axes: readonly number[];
  },
): Axes {
  if (x === null) return null;
  return x.map((axis, k) => {
    const at = axes.indexOf(k);
    if (at < 0 || shape[k] === from[k]) return axis;
    if (axis.extra > 0 && starts[at] === axis.extra && shape[k] === from[k] - axis.extra) return { ...axis, extra: 0 };
    if (axis.extra > 0 || axis.parts.length !== 1) return shape[k] === 1 ? NONE : channels(shape[k]);
    return whole(axis.parts[0].along, shape[k]);
  });
}
