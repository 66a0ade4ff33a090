/** The text of docs/operators.md, the list of operators, from the compiler's own tables. `deno task docs` writes it. */
import { OPSET } from "../../../src/graph/write/encode.ts";
import { OPSETS } from "../../../src/graph/read/decode.ts";
import { NO_GRADIENT } from "../../../src/graph/ir/ir.ts";
import { importModel } from "../../../src/graph/mod.ts";
import { IMPORT_RULES } from "../../../src/graph/read/nodes.ts";
import { isOpName, opDef, OPS } from "../../../src/graph/ops/mod.ts";
import { table } from "../region.ts";
import { IMPORT_CASES, type ImportCase, importCase } from "../../../tests/testing/import_cases.ts";

function gradient(name: string): string {
  if (!isOpName(name)) return "";
  const { vjp } = opDef(name);
  if (vjp === NO_GRADIENT) return "stops here (piecewise constant or not a float)";
  return typeof vjp === "function" ? "yes" : `no: ${vjp.unsupported}`;
}

/** The operators of the IR that an example of a foreign operator becomes. */
function becomes(example: ImportCase): string {
  const ops = new Set(importModel(importCase(example).model).nodes.map((n) => n.op));
  ops.delete("Identity");
  return ops.size === 0 ? "folded away" : [...ops].sort().join(", ");
}

export function opsDoc(): string {
  const native = Object.keys(OPS).sort();
  const foreign = Object.keys(IMPORT_RULES).filter((name) => !isOpName(name)).sort();
  const examples = foreign.map((name) => {
    const kinds = new Set(IMPORT_CASES.filter((c) => c.op === name).map(becomes));
    return [`\`${name}\``, [...kinds].join("; or ")];
  });
  return `# Operators

\`deno task docs\` writes this page from the compiler's tables; a test fails when it is out of date.

Sulcus reads ONNX models of operator sets ${OPSETS.first} to ${OPSETS.last} and writes operator set ${OPSET}. Shapes are static: the caller
fixes sizes that a file leaves open, and shape arithmetic is folded away. An operator in neither table is refused by its
name, with what to do about it, before ONNX Runtime sees the file: loops, sequences, strings, random operators, recurrent
layers, other domains than ONNX's own. Local functions are inlined; \`If\` is resolved where its condition follows from
constants and sizes. float16 and bfloat16 are widened to float32. Quantised weights become float32 constants; quantised
activations are rounded as the file says, and gradients pass the rounding unchanged.

## Operators of graphs

${native.length} operators. "Gradient" says whether a network can be fine-tuned through the operator.

${
    table(
      ["Operator", "Gradient", "Read from files"],
      native.map((n) => [`\`${n}\``, gradient(n), n in IMPORT_RULES ? "yes" : "no"]),
    )
  }

## Operators rewritten at import

${foreign.length} operators, each with the operators that its test examples become; "folded away" means a constant or the input
itself. They have gradients where those operators have them.

BatchNormalization is read in its inference form even where the file asks for training mode: fine-tuning writes batch
statistics of its own. Dropout becomes its input.

${table(["Operator", "Becomes"], examples)}
`;
}
