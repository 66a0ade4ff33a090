/** Rounding that passes gradients, as the importer writes it for quantised models. */
import type { BuiltNode, Value } from "../ir/ir.ts";
import { type Match, pass } from "./pass.ts";

/** A difference of at most a half that is rounded in steps as fine as this is the same in float32. */
const FINEST = 2 ** 24;

type Around = Pick<Match, "producerOf" | "constantOf">;

/** The value and the constant of a product. */
function product(node: BuiltNode | undefined, { constantOf }: Around): { of: Value; by: number } | undefined {
  if (node?.op !== "Mul") return undefined;
  const [of, factor] = node.x, by = constantOf(factor);
  return by?.shape.length === 0 ? { of, by: Number(by.data[0]) } : undefined;
}

/** The rounded value of which `last` is the rest, written as round((round(x) − x)·k)/k. */
function roundedOf(last: BuiltNode | undefined, around: Around): { x: Value; whole: Value } | undefined {
  const outer = product(last, around), fine = outer && around.producerOf(outer.of);
  const inner = fine?.op === "Round" ? product(around.producerOf(fine.x[0]), around) : undefined;
  const rest = inner && around.producerOf(inner.of);
  if (outer === undefined || inner === undefined || rest?.op !== "Sub") return undefined;
  const [whole, x] = rest.x, round = around.producerOf(whole);
  const isRest = round?.op === "Round" && round.x[0].name === x.name;
  return isRest && inner.by >= FINEST && inner.by * outer.by === 1 ? { x, whole } : undefined;
}

/** x + round((round(x) − x)·k)/k, once its gradient is written, is round(x). */
export const WHOLE_ROUNDING = pass({
  name: "whole-rounding",
  ops: ["Add"],
  match: ({ producers: [, last], ...around }) => roundedOf(last, around),
  rewrite: (op, [a, b], { x, whole }) => a.name === x.name ? whole : op.Add(a, b),
});
