import assert from "node:assert/strict";
import {
  CPU_PASSES,
  CUDA_PASSES,
  evaluate,
  gradients,
  type Graph,
  GraphBuilder,
  lower,
  trialsOf,
  WEBGPU_PASSES,
} from "../mod.ts";
import { sizeOf, tensor } from "../../tensor/mod.ts";

const PASSES = { cpu: CPU_PASSES, cuda: CUDA_PASSES, webgpu: WEBGPU_PASSES };

interface ConvCase {
  readonly name: string;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly attrs: { strides?: number[]; pads?: number[]; dilations?: number[]; group?: number };
  readonly transposed?: boolean;
  readonly bias?: boolean;
  readonly temporaryBytes?: number;
  readonly provider?: "webgpu" | "cuda";
  /** Every rewrite that could be made is measured to be faster. */
  readonly allFaster?: boolean;
  /** Pass that must fire, or the start of the reason that another gives. */
  readonly fires?: string;
  readonly skips?: string;
}

const one = (v: number) => Array<number>(6).fill(v);
const gradient = "weight-gradient", planar = "planar-conv-transpose", blocks = "blocked-depthwise";
const tiles = "winograd-conv", gradientTiles = "winograd-weight-gradient";

const CASES: readonly ConvCase[] = [
  { name: "3³ pad 1", x: [1, 3, 5, 6, 7], w: [4, 3, 3, 3, 3], attrs: { pads: one(1) }, fires: gradient },
  {
    name: "more channels in than out",
    x: [2, 6, 5, 6, 7],
    w: [2, 6, 3, 3, 3],
    attrs: { pads: one(1) },
    fires: gradient,
  },
  {
    name: "more channels in than out, uneven padding, chunks",
    x: [1, 5, 7, 6, 8],
    w: [2, 5, 3, 3, 3],
    attrs: { pads: [0, 1, 2, 1, 0, 2] },
    temporaryBytes: 3000,
    fires: gradient,
  },
  {
    name: "in chunks",
    x: [1, 3, 7, 4, 5],
    w: [4, 3, 3, 3, 3],
    attrs: { pads: one(1) },
    temporaryBytes: 4000,
    fires: gradient,
  },
  { name: "batch 2", x: [2, 3, 5, 4, 4], w: [2, 3, 3, 3, 3], attrs: { pads: one(1) }, fires: gradient },
  { name: "1³", x: [2, 5, 3, 4, 4], w: [6, 5, 1, 1, 1], attrs: {}, fires: gradient },
  { name: "patch 2³", x: [1, 3, 6, 4, 8], w: [5, 3, 2, 2, 2], attrs: { strides: [2, 2, 2] }, fires: gradient },
  {
    name: "patch 2³, odd size, chunks",
    x: [1, 2, 7, 5, 9],
    w: [3, 2, 2, 2, 2],
    attrs: { strides: [2, 2, 2] },
    temporaryBytes: 500,
    fires: gradient,
  },
  {
    name: "stride 2 pad 1",
    x: [1, 3, 7, 8, 6],
    w: [4, 3, 3, 3, 3],
    attrs: { strides: [2, 2, 2], pads: one(1) },
    fires: gradient,
  },
  {
    name: "dilated",
    x: [1, 2, 7, 7, 7],
    w: [2, 2, 3, 3, 3],
    attrs: { dilations: [2, 2, 2], pads: one(2) },
    skips: "the convolution is dilated",
  },
  { name: "depthwise 3³", x: [1, 4, 5, 6, 7], w: [4, 1, 3, 3, 3], attrs: { pads: one(1), group: 4 }, fires: gradient },
  { name: "depthwise 5³", x: [1, 3, 6, 6, 7], w: [3, 1, 5, 5, 5], attrs: { pads: one(2), group: 3 }, fires: gradient },
  {
    name: "depthwise, batch 3",
    x: [3, 2, 4, 5, 6],
    w: [2, 1, 3, 3, 3],
    attrs: { pads: one(1), group: 2 },
    fires: gradient,
  },
  {
    name: "tiny volume with bias",
    x: [1, 2, 2, 2, 2],
    w: [2, 1, 3, 3, 3],
    attrs: { pads: one(1), group: 2 },
    bias: true,
    fires: gradient,
  },
  {
    name: "depthwise 5³ by blocks of 4 × 4 rows",
    x: [2, 3, 8, 12, 5],
    w: [3, 1, 5, 5, 5],
    attrs: { pads: one(2), group: 3 },
    bias: true,
    fires: blocks,
  },
  {
    name: "two filters a channel, uneven padding, by blocks of 2 × 1 rows",
    x: [1, 3, 5, 6, 4],
    w: [6, 1, 3, 2, 3],
    attrs: { pads: [1, 0, 0, 2, 2, 1], group: 3 },
    fires: blocks,
  },
  {
    name: "depthwise, odd size",
    x: [1, 2, 5, 7, 6],
    w: [2, 1, 3, 3, 3],
    attrs: { pads: one(1), group: 2 },
    skips: "depth and height of the output are odd",
  },
  { name: "grouped", x: [1, 4, 5, 5, 5], w: [6, 2, 3, 3, 3], attrs: { pads: one(1), group: 2 }, skips: "grouped" },
  {
    name: "16 and 32 channels by tiles of six slices",
    x: [1, 16, 12, 12, 12],
    w: [32, 16, 3, 3, 3],
    attrs: { pads: one(1) },
    bias: true,
    fires: tiles,
  },
  {
    name: "by tiles in slabs, uneven padding, depth no multiple of a tile, two samples",
    x: [2, 32, 22, 8, 11],
    w: [16, 32, 3, 2, 1],
    attrs: { pads: [2, 1, 0, 0, 0, 0] },
    bias: true,
    temporaryBytes: 2 ** 18,
    fires: tiles,
  },
  {
    name: "16 and 32 channels, weight gradient by tiles of six slices",
    x: [1, 16, 12, 12, 12],
    w: [32, 16, 3, 3, 3],
    attrs: { pads: one(1) },
    fires: gradientTiles,
  },
  {
    name: "weight gradient by tiles, uneven padding, two samples, one product at a time",
    x: [2, 32, 21, 9, 11],
    w: [16, 32, 3, 2, 1],
    attrs: { pads: [2, 1, 0, 1, 0, 2] },
    temporaryBytes: 2 ** 15,
    fires: gradientTiles,
  },
  {
    name: "weight gradient by tiles, no padding, two products at a time",
    x: [1, 16, 14, 15, 15],
    w: [40, 16, 3, 4, 3],
    attrs: {},
    temporaryBytes: 2 ** 17,
    fires: gradientTiles,
  },
  {
    name: "weight gradient by tiles, planes of a power of two",
    x: [1, 4, 6, 32, 32],
    w: [32, 4, 3, 3, 3],
    attrs: { pads: one(1) },
    fires: gradientTiles,
  },
  {
    name: "padded by more than the taps",
    x: [1, 16, 10, 12, 12],
    w: [32, 16, 3, 3, 3],
    attrs: { pads: [0, 1, 1, 3, 1, 1] },
    skips: "slices of padding alone",
  },
  {
    name: "few channels",
    x: [1, 3, 12, 12, 12],
    w: [16, 3, 3, 3, 3],
    attrs: { pads: one(1) },
    skips: "few channels: 3 in, 16 out",
  },
  {
    name: "more channels than voxels, in the weights' own order",
    x: [2, 3, 4, 3, 4],
    w: [24, 3, 3, 2, 3],
    attrs: { pads: [0, 1, 1, 1, 0, 1] },
    fires: gradient,
  },
  {
    name: "more channels in than out and than voxels",
    x: [1, 14, 3, 3, 2],
    w: [5, 14, 3, 3, 1],
    attrs: { pads: [1, 1, 0, 1, 1, 0] },
    fires: gradient,
  },
  {
    name: "transposed 2³",
    x: [2, 3, 4, 3, 5],
    w: [3, 4, 2, 2, 2],
    attrs: { strides: [2, 2, 2] },
    transposed: true,
    fires: planar,
  },
  {
    name: "transposed, overlapping",
    x: [1, 3, 4, 3, 5],
    w: [3, 2, 3, 3, 3],
    attrs: { strides: [2, 2, 2], pads: one(1) },
    transposed: true,
    skips: "padded",
  },
  {
    name: "for WebGPU, grouped, strided and dilated",
    x: [2, 4, 7, 6, 5],
    w: [6, 2, 3, 2, 2],
    attrs: { strides: [2, 1, 2], dilations: [1, 2, 1], pads: [1, 0, 2, 0, 1, 0], group: 2 },
    bias: true,
    provider: "webgpu",
    fires: "planar-grouped-conv",
  },
  {
    name: "for WebGPU, dense",
    x: [1, 2, 4, 3, 5],
    w: [3, 2, 3, 3, 3],
    attrs: { pads: one(1) },
    provider: "webgpu",
    skips: "not grouped: the device has it",
  },
  {
    name: "for WebGPU, transposed 1 × 2 × 3, grouped",
    x: [2, 4, 2, 3, 2],
    w: [4, 3, 1, 2, 3],
    attrs: { strides: [1, 2, 3], group: 2 },
    transposed: true,
    provider: "webgpu",
    fires: "product-conv-transpose",
  },
  {
    name: "for WebGPU, transposed, overlapping, padding larger than the kernel",
    x: [1, 3, 4, 3, 5],
    w: [3, 2, 3, 2, 2],
    attrs: { strides: [2, 1, 2], pads: [1, 2, 2, 3, 0, 1] },
    transposed: true,
    provider: "webgpu",
    fires: "spread-conv-transpose",
    skips: "padded",
  },
  {
    name: "for CUDA, depthwise",
    x: [1, 2, 4, 4, 6],
    w: [2, 1, 3, 3, 3],
    attrs: { pads: one(1), group: 2 },
    provider: "cuda",
    skips: "not measured on this device",
  },
  {
    name: "for CUDA, depthwise, blocks measured to be faster",
    x: [1, 2, 4, 4, 6],
    w: [2, 1, 3, 3, 3],
    attrs: { pads: one(1), group: 2 },
    provider: "cuda",
    allFaster: true,
    fires: blocks,
  },
  {
    name: "for CUDA, depthwise of odd size, slices measured to be faster",
    x: [1, 2, 5, 7, 6],
    w: [2, 1, 3, 3, 3],
    attrs: { pads: one(1), group: 2 },
    provider: "cuda",
    allFaster: true,
    fires: "planar-grouped-conv",
  },
  {
    name: "for CUDA, transposed, planes measured to be faster",
    x: [1, 3, 4, 3, 5],
    w: [3, 2, 2, 2, 2],
    attrs: { strides: [2, 2, 2] },
    transposed: true,
    provider: "cuda",
    allFaster: true,
    fires: planar,
  },
];

/** y, dx and dw of one (transposed) convolution under a fixed non-linear loss. */
function stepGraph({ x, w, attrs, transposed, bias }: ConvCase): Graph {
  const b = new GraphBuilder();
  const image = b.input("x", { dtype: "float32", shape: x }), kernel = b.input("w", { dtype: "float32", shape: w });
  const shift = bias
    ? tensor("float32", [w[0]], w.slice(0, 1).flatMap((m) => Array.from({ length: m }, (_, i) => i + 1)))
    : null;
  const y = transposed ? b.op.ConvTranspose(image, kernel, null, attrs) : b.op.Conv(image, kernel, shift, attrs);
  const loss = b.op.ReduceSum(b.op.Sin(y), null, { keepdims: 0 });
  const [dx, dw] = gradients(b, loss, [image, kernel]);
  return b.build("step", { y, dx, dw });
}

const wave = (shape: readonly number[], phase: number) =>
  tensor("float64", shape, Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(0.7 * i + phase)));

for (const c of CASES) {
  Deno.test(`lower() keeps the values of a convolution and its gradients: ${c.name}`, () => {
    const graph = stepGraph(c);
    const passes = PASSES[c.provider ?? "cpu"];
    const cost = { withoutMs: 2, withMs: 1 };
    const costs = c.allFaster ? Object.fromEntries(trialsOf(passes).map(({ key }) => [key, cost])) : undefined;
    const { graph: lowered, reports } = lower(graph, { passes, temporaryBytes: c.temporaryBytes ?? 2 ** 28, costs });
    if (c.fires !== undefined) assert.ok(reports.find((r) => r.pass === c.fires)!.fired > 0, `${c.fires} did not fire`);
    if (c.skips !== undefined) {
      const reasons = reports.flatMap((r) => r.skipped.map((s) => s.why));
      assert.ok(reasons.some((why) => why.startsWith(c.skips!)), `no reason ${c.skips} in ${reasons}`);
    }
    const feeds = { x: wave(c.x, 0), w: wave(c.w, 1) };
    const expected = evaluate(graph, feeds), actual = evaluate(lowered, feeds);
    for (const name of ["y", "dx", "dw"]) {
      assert.deepEqual(actual[name].shape, expected[name].shape);
      const worst = expected[name].data.reduce((m, v, i) => Math.max(m, Math.abs(v - actual[name].data[i])), 0);
      const size = expected[name].data.reduce((m, v) => Math.max(m, Math.abs(v)), 1);
      assert.ok(worst < 1e-12 * size, `${name} differs by ${worst}, of values up to ${size}`);
    }
  });
}

Deno.test("lower() copies no more for a weight gradient of few voxels than the budget allows", () => {
  const graph = stepGraph({ name: "", x: [1, 12, 4, 3, 3], w: [12, 12, 3, 3, 3], attrs: { pads: one(1) } });
  const copies = 12 * 27 * 36 * 4; // channels, taps, voxels, bytes
  const isCopied = (temporaryBytes: number) => {
    const { graph: lowered } = lower(graph, { passes: CPU_PASSES, temporaryBytes });
    return [...lowered.types.values()].some(({ shape }) => shape.join() === "324,36");
  };
  assert.deepEqual([isCopied(copies), isCopied(copies - 1)], [true, false]);
});

Deno.test("lower() copies no rows for a product so that they share few places of a processor's cache", () => {
  for (const [channels, filters, edge] of [[4, 4, 32], [64, 64, 32], [16, 16, 64], [4, 32, 64]]) {
    const graph = stepGraph({
      name: "",
      x: [1, channels, edge, edge, edge],
      w: [filters, channels, 3, 3, 3],
      attrs: { pads: one(1) },
    });
    const { graph: lowered } = lower(graph, { passes: CPU_PASSES });
    const terms = lowered.nodes.flatMap(({ op, inputs }) =>
      op === "MatMul" ? lowered.types.get(inputs[0])!.shape.at(-1)! : []
    );
    assert.ok(terms.some((n) => n > 1024), "no product of long rows");
    assert.deepEqual(terms.filter((n) => n % 1024 === 0), [], `${channels} and ${filters} channels at ${edge}³`);
  }
});
