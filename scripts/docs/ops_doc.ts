/**
 * Writes OPS.md, the list of operators, from the compiler's own tables: `deno run -A scripts/docs/ops_doc.ts`.
 * Nothing in that file is written by hand.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { OPSET } from "../../src/graph/write/encode.ts";
import { OPSETS } from "../../src/graph/read/decode.ts";
import { NO_GRADIENT } from "../../src/graph/ir/ir.ts";
import { importModel } from "../../src/graph/mod.ts";
import { IMPORT_RULES } from "../../src/graph/read/normalize.ts";
import { isOpName, opDef, OPS } from "../../src/graph/ops/mod.ts";
import { IMPORT_CASES, type ImportCase, importCase } from "../../tests/testing/import_cases.ts";

export const OPS_DOC = join(import.meta.dirname!, "../../OPS.md");

function gradient(name: string): string {
  if (!isOpName(name)) return "";
  const { vjp } = opDef(name);
  if (vjp === NO_GRADIENT) return "stops here (piecewise constant or not a float)";
  return typeof vjp === "function" ? "yes" : `no: ${vjp.unsupported}`;
}

/** The operators of the IR that an example of a foreign operator becomes, without what merely changes shape. */
function becomes(example: ImportCase): string {
  const ops = new Set(importModel(importCase(example).model).nodes.map((n) => n.op));
  ops.delete("Identity");
  return ops.size === 0 ? "folded away" : [...ops].sort().join(", ");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

export function opsDoc(): string {
  const native = Object.keys(OPS).sort();
  const foreign = Object.keys(IMPORT_RULES).filter((name) => !isOpName(name)).sort();
  const examples = foreign.map((name) => {
    const kinds = new Set(IMPORT_CASES.filter((c) => c.op === name).map(becomes));
    return [`\`${name}\``, [...kinds].join("; or ")];
  });
  return `# Operators

Made by \`scripts/docs/ops_doc.ts\` from the compiler's tables; a test fails when this page is out of date.

Sulcus reads ONNX models of operator sets ${OPSETS.first} to ${OPSETS.last} and writes operator set ${OPSET}. Shapes are static: sizes that
a file leaves open are given at import, and shape arithmetic disappears. An operator that is in neither table is refused
by its name, before anything reaches ONNX Runtime: control flow, sequences, strings, quantised and random operators,
recurrent layers, other domains than ONNX's own.

## Operators that graphs consist of

${native.length} operators. "Gradient" tells whether a network that contains the operator can be fine-tuned through it.

${
    table(
      ["Operator", "Gradient", "Read from files"],
      native.map((n) => [`\`${n}\``, gradient(n), n in IMPORT_RULES ? "yes" : "no"]),
    )
  }

## Operators that are rewritten when a file is read

${foreign.length} operators, each with what its test examples become; "folded away" means a constant, or the
input itself. They have a gradient where those operators have one.

BatchNormalization is read in its inference form, also where the file asks for training mode: fine-tuning writes batch
statistics itself. Dropout passes its input.

${table(["Operator", "Becomes"], examples)}
`;
}

if (import.meta.main) writeFileSync(OPS_DOC, opsDoc());
