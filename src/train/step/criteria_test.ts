import { evaluate, gradients, GraphBuilder } from "../../graph/mod.ts";
import { sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";
import { assertClose } from "../../graph/testing/check.ts";
import { CRITERIA, type Criterion } from "./criteria.ts";

/** Classes 0, 1, 2, 1, 0, 0, 2, 1 of two samples of 2·2·1 voxels. */
const CLASSES = [[0, 1, 2, 1], [0, 0, 2, 1]];

/** Losses and gradients by PyTorch in float64 (softmax, cross_entropy, binary_cross_entropy_with_logits). */
const TORCH: readonly (readonly [Criterion, logits: Tensor, target: number[], loss: number, gradient: number[]])[] = [
  [
    "labels",
    tensor("float64", [2, 3, 2, 2, 1], Array.from({ length: 24 }, (_, i) => ((i * 7919) % 23 - 11) / 4)),
    CLASSES.flatMap((sample) => [1, 2].flatMap((label) => sample.map((c) => Number(c === label)))),
    0.9284228007994462,
    // deno-fmt-ignore
    [-0.038027922506, 0.000958394135, 0.000740432524, 0.036798628887, 0.000772695765, -0.056320664378, 0.038026327832,
      -0.038337075548, 0.03725522674, 0.055362270243, -0.038766760356, 0.001538446661, -0.037046923106, -0.001894411368,
      0.00613432999, 0.02059510665, 0.037023358133, 0.000402223898, 0.024026241845, -0.021399662871, 0.000023564973,
      0.00149218747, -0.030160571836, 0.000804556221],
  ],
  [
    "findings",
    tensor("float64", [2, 3], [0.5, -1.25, 2, 3, 0, -0.5]),
    [0, 0, 1, 1, 0, 0],
    0.4281242654803743,
    [0.103743221867, 0.037116689804, -0.019867153670, -0.007904312196, 0.083333333333, 0.062923444800],
  ],
  [
    "finding",
    tensor("float64", [2, 1], [0.5, -1.5]),
    [1, 0, 0, 1],
    1.3377451310814297,
    [0.311229665601, -0.408787238097],
  ],
];

Deno.test('the criterion "labels" pulls a voxel that has two labels to both, and no farther from the background', () => {
  const b = new GraphBuilder(), logits = tensor("float64", [1, 3, 1, 1, 1], [-60, 0, 0]);
  const x = b.input("x", logits), t = b.input("t", { dtype: "float64", shape: [1, 2, 1, 1, 1] });
  const y = CRITERIA.labels.loss(b.op, x, t);
  const graph = b.build("loss", { dx: gradients(b, y, [x])[0] });
  const { dx } = evaluate(graph, { x: logits, t: tensor("float64", [1, 2, 1, 1, 1], [1, 1]) });
  assertClose([...dx.data], [0, 0, 0], { atol: 1e-12, what: "gradient where both labels are as likely as can be" });
});

for (const [criterion, logits, target, loss, gradient] of TORCH) {
  Deno.test(`the criterion "${criterion}" has PyTorch's loss and gradient`, () => {
    const b = new GraphBuilder(), record = CRITERIA[criterion];
    const x = b.input("x", logits), shape = record.target(logits.shape);
    const y = record.loss(b.op, x, b.input("t", { dtype: "float64", shape }));
    const graph = b.build("loss", { y, dx: gradients(b, y, [x])[0] });
    const found = evaluate(graph, { x: logits, t: tensor("float64", shape, target) });
    assertClose([...found.y.data], [loss], { rtol: 1e-13, what: "loss" });
    assertClose([...found.dx.data], gradient, { atol: 1e-12, rtol: 0, what: `gradient of ${sizeOf(logits.shape)}` });
  });
}
