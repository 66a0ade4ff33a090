/** Cases of the elementwise operators. */
import { ONNX_DTYPES } from "../../ir/dtypes.ts";
import { type Case, type CaseTable, exactly, type Fill, float, typed } from "./case.ts";

/** A vector of five, an odd-sized volume, a scalar. */
function unary(fill: Fill): Case<"Abs">[] {
  return [
    { shows: "vector", inputs: [float([5], fill)] },
    { shows: "odd volume", inputs: [float([2, 3, 1, 5], fill)] },
    { shows: "scalar", inputs: [float([], fill)] },
  ];
}

/** The broadcasts that matter; `fill` for the left operand, `right` for the right one. */
function binary(fill: Fill, right: Fill = fill): Case<"Add">[] {
  return [
    { shows: "same shapes", inputs: [float([2, 3, 4], fill), float([2, 3, 4], right)] },
    { shows: "right vector along the last axis", inputs: [float([2, 3, 4], fill), float([4], right)] },
    { shows: "left of lower rank", inputs: [float([3, 1], fill), float([2, 3, 4], right)] },
    { shows: "both sides broadcast", inputs: [float([2, 1, 4], fill), float([3, 1], right)] },
    { shows: "per channel", inputs: [float([2, 3, 2, 2, 2], fill), float([3, 1, 1, 1], right)] },
    { shows: "right scalar", inputs: [float([2, 3], fill), float([], right)] },
    { shows: "constant left", inputs: [1.5, float([2, 3], right)] },
    { shows: "constant right", inputs: [float([2, 3], fill), 1.5] },
    { shows: "scalars", inputs: [float([], fill), float([], right)] },
  ];
}

/** Equal numbers on both sides as well, then broadcasting. */
function compared(): Case<"Equal">[] {
  return [
    { shows: "equal and unequal", inputs: [exactly([2, 3], [1, -2, 0.5, 0, 3, -1]), exactly([3], [1, -2, 3])] },
    { shows: "both sides broadcast", inputs: [exactly([2, 1], [1, 2]), exactly([1, 3], [0, 1, 2])] },
    { shows: "int64", inputs: [typed("int64", [4], [-1, 0, 7, 9]), typed("int64", [], [7])] },
    { shows: "constant right", inputs: [exactly([3], [-1, 0, 1]), 0] },
  ];
}

function logical(): Case<"And">[] {
  return [
    { shows: "truth table", inputs: [typed("bool", [4], [0, 0, 1, 1]), typed("bool", [4], [0, 1, 0, 1])] },
    { shows: "both sides broadcast", inputs: [typed("bool", [2, 1], [0, 1]), typed("bool", [2], [0, 1])] },
  ];
}

const halves = [-2.5, -1.5, -1.25, -0.5, 0, 0.5, 1.5, 2.25, 2.5, 3.75];
const steps = (): Case<"Ceil" | "Floor" | "Round">[] => [
  { shows: "halves of both signs", inputs: [exactly([10], halves)] },
  { shows: "odd volume", inputs: [float([2, 3, 5])] },
];

const ties = { shows: "ties share", inputs: [exactly([4], [1, 2, 3, 3]), exactly([4], [1, 3, 2, 3])] };

const POW_SHADER = { webgpu: "ONNX Runtime's shader does not compile where the base broadcasts" };
const POW_SKIPS: Record<string, Case<"Pow">["skips"]> = {
  "left of lower rank": POW_SHADER,
  "both sides broadcast": POW_SHADER,
};

export const ELEMENTWISE_CASES = {
  Abs: [
    ...unary("apart"),
    { shows: "zero", inputs: [exactly([3], [-1, 0, 2])], kink: [[-1, 0, 1]] },
  ],
  Cos: unary("normal"),
  Erf: [
    ...unary("normal"),
    { shows: "tails", inputs: [exactly([8], [-7, -5, -2.6, -2.4, 1e-3, 2.4, 2.6, 5])] },
  ],
  Exp: unary("normal"),
  HardSwish: [
    { shows: "all three pieces", inputs: [exactly([7], [-4, -3.2, -2.8, 0.1, 1, 2.8, 4])] },
    { shows: "volume", inputs: [float([2, 3, 5])] },
  ],
  Identity: unary("normal"),
  Log: unary("positive"),
  Neg: unary("normal"),
  Reciprocal: unary("positive"),
  Relu: [
    ...unary("apart"),
    { shows: "zero passes nothing", inputs: [exactly([3], [-1, 0, 2])], kink: [[0, 0, 1]] },
  ],
  Sigmoid: [
    ...unary("normal"),
    { shows: "saturated", inputs: [exactly([4], [-80, -20, 20, 80])] },
  ],
  Sin: unary("normal"),
  Softplus: [
    ...unary("normal"),
    { shows: "no overflow", inputs: [exactly([4], [-100, -20, 20, 100])] },
  ],
  Sqrt: unary("positive"),
  Tanh: [
    ...unary("normal"),
    { shows: "saturated", inputs: [exactly([2], [-30, 30])] },
  ],
  Ceil: steps(),
  Floor: steps(),
  Round: steps(),
  Sign: [{ shows: "three signs", inputs: [exactly([3], [-2, 0, 5])] }],
  Not: [{ shows: "both values", inputs: [typed("bool", [2, 1], [0, 1])] }],

  Add: binary("normal"),
  Sub: binary("normal"),
  Mul: [
    ...binary("normal"),
    { shows: "int64", inputs: [typed("int64", [3], [-2, 0, 5]), typed("int64", [1], [3])] },
  ],
  Div: [
    ...binary("normal", "positive"),
    { shows: "int64 truncates", inputs: [typed("int64", [4], [-7, 7, 6, -6]), typed("int64", [], [2])] },
  ],
  Pow: [
    ...binary("positive", "normal").map((c) => (c.shows in POW_SKIPS ? { ...c, skips: POW_SKIPS[c.shows] } : c)),
    { shows: "square of a negative", inputs: [float([2, 3]), 2] },
    { shows: "square at zero", inputs: [exactly([3], [-1, 0, 2]), 2] },
  ],
  Max: [
    ...binary("apart", "normal"),
    { ...ties, kink: [[0.5, 0, 1, 0.5], [0.5, 1, 0, 0.5]] },
  ],
  Min: [
    ...binary("apart", "normal"),
    { ...ties, kink: [[0.5, 1, 0, 0.5], [0.5, 0, 1, 0.5]] },
  ],

  And: logical(),
  Or: logical(),
  Equal: [
    ...compared(),
    { shows: "bool", inputs: [typed("bool", [4], [0, 0, 1, 1]), typed("bool", [4], [0, 1, 0, 1])] },
  ],
  Greater: compared(),
  GreaterOrEqual: compared(),
  Less: compared(),
  LessOrEqual: compared(),

  Where: [
    { shows: "same shapes", inputs: [typed("bool", [2, 2], [1, 0, 0, 1]), float([2, 2]), float([2, 2])] },
    { shows: "all three broadcast", inputs: [typed("bool", [2, 1, 1], [1, 0]), float([3, 1]), float([4])] },
    { shows: "condition of higher rank", inputs: [typed("bool", [2, 3], [1, 0, 0, 1, 1, 0]), float([3]), float([])] },
    { shows: "constant otherwise", inputs: [typed("bool", [3], [1, 0, 1]), float([2, 3]), -1] },
    {
      shows: "int64",
      inputs: [typed("bool", [3], [1, 0, 1]), typed("int64", [3], [1, 2, 3]), typed("int64", [], [-9])],
    },
  ],
  Clip: [
    { shows: "both bounds constant", inputs: [float([2, 3, 5], "apart"), -0.91, 0.87] },
    { shows: "lower bound only", inputs: [float([9], "apart"), 0.33, null] },
    { shows: "upper bound only", inputs: [float([9], "apart"), null, 0.33] },
    { shows: "no bound", inputs: [float([4]), null, null] },
    { shows: "bounds as inputs", inputs: [float([11], "apart"), exactly([], [-0.9]), exactly([], [0.83])] },
    { shows: "inside up to the bounds", inputs: [exactly([4], [-2, -1, 1, 2]), -1, 1], kink: [[0, 1, 1, 0]] },
  ],
  LeakyRelu: [
    { shows: "default slope", inputs: [float([2, 3, 5], "apart")] },
    { shows: "slope 0.2", inputs: [float([7], "apart")], attrs: { alpha: 0.2 } },
  ],
  PRelu: [
    { shows: "slope per channel", inputs: [float([2, 3, 2, 2], "apart"), float([3, 1, 1])] },
    { shows: "one slope", inputs: [float([2, 5], "apart"), float([1])] },
  ],
  Elu: [
    { shows: "default alpha", inputs: [float([2, 3, 5], "apart")] },
    { shows: "alpha 0.7", inputs: [float([9], "apart")], attrs: { alpha: 0.7 } },
  ],
  HardSigmoid: [
    { shows: "all three pieces", inputs: [exactly([6], [-4, -2.4, -1, 0, 2.4, 3])] },
    { shows: "alpha 1/6", inputs: [exactly([5], [-4, -2.9, 0.2, 2.9, 4])], attrs: { alpha: 1 / 6, beta: 0.5 } },
  ],
  Gelu: [
    { shows: "exact", inputs: [float([2, 3, 5])] },
    { shows: "exact, tails", inputs: [exactly([6], [-9, -4, -0.01, 0.01, 4, 9])] },
    { shows: "tanh", inputs: [float([2, 3, 5])], attrs: { approximate: "tanh" } },
    {
      shows: "tanh, tails",
      inputs: [exactly([6], [-9, -4, -0.01, 0.01, 4, 9])],
      attrs: { approximate: "tanh" },
    },
  ],
  Cast: [
    { shows: "float to itself", inputs: [float([2, 3])], attrs: { to: ONNX_DTYPES.float32 } },
    { shows: "float to int64 truncates", inputs: [exactly([5], [-2.7, -0.5, 0, 1.5, 2.7])], attrs: { to: 7 } },
    { shows: "float to int32", inputs: [exactly([3], [-2.7, 0.5, 3])], attrs: { to: ONNX_DTYPES.int32 } },
    { shows: "float to uint8", inputs: [exactly([3], [0, 1.5, 255])], attrs: { to: ONNX_DTYPES.uint8 } },
    { shows: "float to bool", inputs: [exactly([4], [-0.5, 0, 0.25, 1])], attrs: { to: ONNX_DTYPES.bool } },
    { shows: "bool to float", inputs: [typed("bool", [2], [0, 1])], attrs: { to: ONNX_DTYPES.float32 } },
    { shows: "int64 to float", inputs: [typed("int64", [3], [-3, 0, 9])], attrs: { to: ONNX_DTYPES.float32 } },
    { shows: "uint8 to int64", inputs: [typed("uint8", [2], [0, 255])], attrs: { to: ONNX_DTYPES.int64 } },
    {
      shows: "float to float64",
      inputs: [float([2, 3])],
      attrs: { to: ONNX_DTYPES.float64 },
      skips: { webgpu: "WebGPU has no float64", openvino: "OpenVINO computes float64 in float32" },
    },
  ],
} satisfies CaseTable;
