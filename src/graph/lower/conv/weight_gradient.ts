/**
 * Weight gradients of convolutions as matrix products. `ops/conv.ts` writes them as a convolution whose kernel is as
 * large as the volume, which takes 3 to 10 times as long on a CPU.
 */
import type { Ops, Value } from "../../ir/ir.ts";
import { sizeOf } from "../../../tensor/mod.ts";
import { matrix } from "./matrix.ts";
import { FLOAT_BYTES, type Kind, type Match, pass, type Target } from "../pass.ts";
import { type Block, blockOf, gatherRows, type Places, reach, tapMatrix } from "./rows.ts";
import { cube, dense, depthwise, weightGradientSample } from "../samples.ts";

export interface Geometry {
  /** Groups (1: dense), channels of x and of dy in each, batch. */
  readonly groups: number;
  readonly c: number;
  readonly m: number;
  readonly n: number;
  /** Spatial sizes of x, of dy and of the kernel. */
  readonly size: readonly number[];
  readonly out: readonly number[];
  readonly kernel: readonly number[];
  /** Stride and leading padding of the convolution that is differentiated. */
  readonly stride: readonly number[];
  readonly pads: readonly number[];
}

/** Reads the pattern: rows [C, G·N, D, H, W], kernels [G·M, N, oD, oH, oW] → dw [C, G·M, k…]; G > 1 only with C = 1. */
export function geometry({ node: { attrs }, x: [rows, kernels], y }: Match<"Conv">): Geometry {
  return {
    groups: attrs.group,
    c: rows.shape[0],
    m: kernels.shape[0] / attrs.group,
    n: kernels.shape[1],
    size: rows.shape.slice(2),
    out: kernels.shape.slice(2),
    kernel: y.shape.slice(2),
    stride: attrs.dilations,
    pads: attrs.pads.slice(0, 3),
  };
}

/** Reports whether a Conv is a weight gradient: its kernel covers more voxels than its output has. */
export function isWeightGradient({ x: [, kernels, bias], y }: Match<"Conv">): boolean {
  return bias == null && kernels.shape.length === 5 && sizeOf(kernels.shape.slice(2)) > sizeOf(y.shape.slice(2));
}

/** x and dy in the shapes of the pattern. */
type Inputs = readonly [rows: Value, kernels: Value];

interface Side {
  /** [G · channels, N · D · H, W] */
  readonly value: Value;
  readonly channels: number;
  readonly size: readonly number[];
}

/** How x and dy meet: tap `k` reads `far` at an offset from each voxel of `near`. */
interface Meeting {
  readonly far: Side;
  readonly near: Side;
  readonly farIsX: boolean;
  readonly offset: (axis: number, k: number) => number;
}

/**
 * dw[c, m, k] = Σ x[c, p·stride + k − pad]·dy[m, p]; for stride 1 also Σ x[c, q]·dy[m, q + pad − k]. Each tap needs a
 * copy of `far`, so the side with fewer channels is `far`.
 */
function meet(op: Ops, [rows, kernels]: Inputs, g: Geometry): Meeting {
  const side = (v: Value, channels: number, size: readonly number[]): Side => ({
    value: op.Reshape(v, [g.groups * channels, g.n * size[0] * size[1], size[2]]),
    channels,
    size,
  });
  const x = side(rows, g.c, g.size), dy = side(kernels, g.m, g.out);
  return g.c > g.m && g.stride.every((s) => s === 1)
    ? { far: dy, near: x, farIsX: false, offset: (axis, k) => g.pads[axis] - k }
    : { far: x, near: dy, farIsX: true, offset: (axis, k) => k - g.pads[axis] };
}

/** Few channels make small matrices, so blocks of several rows; strided windows and single rows share too few reads. */
function chooseBlock({ groups, c, m, kernel, stride }: Geometry, { near, offset }: Meeting): Block {
  const shares = stride.every((s) => s === 1) && kernel[0] * kernel[1] > 1;
  const rows = !shares ? 1 : groups > 1 ? 16 : Math.min(512 / (c * m), 4);
  const wanted = rows >= 16 ? [4, 4] : rows >= 4 ? [2, 2] : rows >= 2 ? [1, 2] : [1, 1];
  const size = (axis: number) => Math.min(wanted[axis], near.size[axis]);
  return blockOf([size(0), size(1)], { kernel, read: (axis, u, k) => u * stride[axis] + offset(axis, k) });
}

/** Matrix rows that lie a multiple of this apart compete for few places of a processor's cache. */
const CACHE_WAY_FLOATS = 1024;

/** Reports whether rows of `elements` compete for cache places: their product then takes 1.1 to 1.25 times as long. */
export const collide = (elements: number): boolean => elements % CACHE_WAY_FLOATS === 0;

/**
 * The blocks of a chunk: at most `most` of `all`, so that chunks are equal but the last and their rows do not collide.
 */
function apart(all: number, { most, width }: { most: number; width: number }): number {
  let parts = Math.ceil(all / most);
  while (parts < all && collide(Math.ceil(all / parts) * width)) parts++;
  return Math.ceil(all / parts);
}

/** Reports whether the product needs copies of rows: a kernel 1³ with stride 1 reads every voxel where it is. */
const isCopied = ({ kernel, stride, size, out }: Geometry) =>
  sizeOf(kernel) > 1 || stride.some((s) => s !== 1) || out.some((n, i) => n !== size[i]);

/**
 * Multiplies the rows of each block of `near` with the rows of `far` that it reads, all blocks in one matrix product,
 * then sums the elements of the result that belong to the same tap. Chunks of blocks keep the copies within the budget.
 */
function byRows(op: Ops, inputs: Inputs, g: Geometry, target: Target): Value {
  const { groups, c, m, n, kernel } = g;
  const meeting = meet(op, inputs, g);
  const { far, near } = meeting;
  const block = chooseBlock(g, meeting);
  const places: [number, number, number][] = [];
  for (let i = 0; i < n; i++) {
    for (let d = 0; d < near.size[0]; d += block.size[0]) {
      for (let h = 0; h < near.size[1]; h += block.size[1]) places.push([i, d, h]);
    }
  }
  const [from, rows] = [far.channels * reach(block), near.channels * sizeOf(block.size)];
  const bytes = groups * (from * far.size[2] + (kernel[2] + 1) * rows * near.size[2]) * FLOAT_BYTES;
  const count = isCopied(g)
    ? apart(places.length, { most: target.temporaryBytes / bytes, width: far.size[2] })
    : places.length;
  const parts: Value[] = [];
  for (let i = 0; i < places.length; i += count) {
    parts.push(products(op, { ...meeting, block, places: places.slice(i, i + count), g }));
  }
  const sum = op.Reshape(parts.reduce((a, v) => op.Add(a, v)), [
    groups,
    far.channels,
    reach(block),
    kernel[2],
    near.channels,
    sizeOf(block.size),
  ]);
  const perm = meeting.farIsX ? [0, 1, 4, 5, 2, 3] : [0, 4, 1, 5, 2, 3];
  const separate = op.Reshape(op.Transpose(sum, { perm }), [
    groups * c * m,
    sizeOf(block.size) * reach(block),
    kernel[2],
  ]);
  const taps = sizeOf(block.size) === 1 ? separate : op.MatMul(tapMatrix(block, kernel, far.value.dtype), separate);
  return op.Reshape(taps, [c, groups * m, ...kernel]);
}

interface Chunk extends Meeting {
  readonly block: Block;
  readonly places: Places;
  readonly g: Geometry;
}

/** The products of some blocks: [G, far channels · reach, kw · near channels · block]. */
function products(op: Ops, { far, near, offset, block, places, g }: Chunk): Value {
  const { groups, stride: [sd, sh, sw], kernel: [, , kw], pads } = g;
  const columns = near.channels * sizeOf(block.size);
  const nearRows = gatherRows(op, near.value, {
    size: [near.size[0], near.size[1]],
    reads: [counted(block.size[0]), counted(block.size[1])],
    places,
  });
  const farRows = gatherRows(op, far.value, {
    size: [far.size[0], far.size[1]],
    reads: block.reads,
    places: places.map(([n, i, j]) => [n, i * sd, j * sh]),
  });
  const lines = far.channels * reach(block);
  if (sw > 1) {
    const right = op.Reshape(nearRows, [groups, columns, places.length * near.size[2]]);
    const turned = op.Transpose(right, { perm: [0, 2, 1] });
    return joined(op, kw, (k) => {
      // every sw-th voxel of a row, zero outside: a product takes less time than a slice
      const isRead = (from: number, to: number) => Number(from === k - pads[2] + to * sw);
      const tap = op.MatMul(farRows, matrix(far.value.dtype, [far.size[2], near.size[2]], isRead));
      return op.MatMul(op.Reshape(tap, [groups, lines, places.length * near.size[2]]), turned);
    }, 2);
  }
  const left = op.Reshape(farRows, [groups, lines, places.length * far.size[2]]);
  const right = joined(op, kw, (k) => {
    const shift = offset(2, k), end = far.size[2] - near.size[2] - shift;
    const moved = shift === 0 && end === 0 ? nearRows : op.Pad(nearRows, [0, 0, shift, 0, 0, end], 0, {});
    return op.Reshape(moved, [groups, columns, places.length * far.size[2]]);
  }, 1);
  return op.MatMul(left, op.Transpose(right, { perm: [0, 2, 1] }));
}

/** Most voxels for each channel of `near` at which the copies of {@link byTaps} cost less than they save. */
const FEW_VOXELS = 4;

const hasFewVoxels = ({ groups, c, m, kernel, stride, out, n }: Geometry) =>
  groups === 1 && sizeOf(kernel) > 1 && stride.every((s) => s === 1) &&
  n * sizeOf(out) <= FEW_VOXELS * Math.max(c, m);

/** Size of the copies, bytes. */
const tapBytes = ({ c, m, n, kernel, size, out }: Geometry) =>
  FLOAT_BYTES * n * sizeOf(kernel) * (c > m ? m * sizeOf(size) : c * sizeOf(out));

/**
 * One product with a copy of `far` for every tap. Its result has the weights' own order: with many weights and few
 * voxels, reordering them would take most of the time.
 */
function byTaps(op: Ops, inputs: Inputs, g: Geometry): Value {
  const { far, near, farIsX, offset } = meet(op, inputs, g);
  const { n, kernel: [kd, kh, kw] } = g;
  const [depth, height, width] = near.size;
  const rows = gatherRows(op, far.value, {
    size: [far.size[0], far.size[1]],
    reads: [counted(kd).map((k) => offset(0, k)), counted(kh).map((k) => offset(1, k))],
    places: counted(n * depth * height).map((at) =>
      [Math.floor(at / (depth * height)), Math.floor(at / height) % depth, at % height] as const
    ),
  });
  const voxels = n * sizeOf(near.size);
  const taps = joined(op, kw, (k) => {
    const first = offset(2, k);
    const moved = op.Pad(rows, [0, 0, -first, 0, 0, first + width - far.size[2]], 0, {});
    return op.Reshape(moved, [far.channels * kd * kh, 1, voxels]);
  }, 1);
  const unrolled = op.Reshape(taps, [far.channels * kd * kh * kw, voxels]);
  const product = op.MatMul(op.Reshape(near.value, [near.channels, voxels]), op.Transpose(unrolled, { perm: [1, 0] }));
  const dw = op.Reshape(product, [near.channels, far.channels, kd, kh, kw]);
  return farIsX ? op.Transpose(dw, { perm: [1, 0, 2, 3, 4] }) : dw;
}

const counted = (n: number) => Array.from({ length: n }, (_, i) => i);

export function joined(op: Ops, n: number, part: (k: number) => Value, axis: number): Value {
  const parts = counted(n).map(part);
  return n === 1 ? parts[0] : op.Concat(...parts, { axis });
}

/** Number of pairs of channels, each with taps of its own. */
const filters = ({ c, m }: Geometry) => c * m;

interface GeometryKind {
  readonly name: string;
  readonly of: (g: Geometry) => boolean;
  readonly spec: Parameters<typeof weightGradientSample>[0];
}

const GEOMETRY_KINDS: readonly GeometryKind[] = [
  {
    name: "depthwise, up to 27 taps",
    of: ({ groups, kernel }) => groups > 1 && sizeOf(kernel) <= 27,
    spec: depthwise(cube(16, 24), 3),
  },
  { name: "depthwise, more than 27 taps", of: ({ groups }) => groups > 1, spec: depthwise(cube(16, 24), 5) },
  {
    name: "strided",
    of: ({ stride }) => stride.some((s) => s > 1),
    spec: { x: cube(16, 32), w: [32, 16, 2, 2, 2], attrs: { strides: [2, 2, 2] } },
  },
  { name: "1³", of: ({ kernel }) => sizeOf(kernel) === 1, spec: { x: cube(32, 24), w: [64, 32, 1, 1, 1] } },
  { name: "dense, up to 64 filters", of: (g) => filters(g) <= 64, spec: dense(8, 8, 32) },
  { name: "dense, up to 1024 filters", of: (g) => filters(g) <= 1024, spec: dense(32, 16, 24) },
  { name: "dense, few voxels", of: hasFewVoxels, spec: dense(160, 160, 6) },
  { name: "dense, small volumes", of: ({ out }) => sizeOf(out) <= 12 ** 3, spec: dense(96, 96, 8) },
  { name: "dense, more filters", of: () => true, spec: dense(64, 64, 24) },
];

const KINDS: readonly Kind<"Conv">[] = GEOMETRY_KINDS.map(({ name, of, spec }) => ({
  name,
  includes: (match) => of(geometry(match)),
  sample: weightGradientSample(spec),
}));

export const WEIGHT_GRADIENT = pass({
  name: "weight-gradient",
  ops: ["Conv"],
  match: (match) => {
    if (!isWeightGradient(match)) return undefined;
    const { node: { attrs }, x: [rows] } = match;
    if (attrs.strides.some((d) => d !== 1)) return "the convolution is dilated";
    return attrs.group !== 1 && rows.shape[0] !== 1 ? "grouped, but not depthwise" : geometry(match);
  },
  kinds: KINDS,
  rewrite: (op, [rows, kernels], g, target) =>
    hasFewVoxels(g) && tapBytes(g) <= target.temporaryBytes
      ? byTaps(op, [rows, kernels], g)
      : byRows(op, [rows, kernels], g, target),
});
