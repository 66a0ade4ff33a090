import assert from "node:assert/strict";
import { GraphBuilder, IMPORT_LIMITS } from "../../graph/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import { checkEnsemble, checkEnsembleSize, checkEnsembleTime, foldCount, networkCount } from "./folds.ts";

Deno.test("foldCount() leaves out 2 to 10 patients one by one, makes five folds of more, and no more than there are patients", () => {
  assert.deepEqual([1, 2, 10, 11].map((n) => foldCount("auto", n)), [0, 2, 10, 5]);
  assert.deepEqual([1, 2, 9].map((n) => foldCount({ folds: 4 }, n)), [0, 2, 4]);
  assert.equal(foldCount("none", 9), 0);
});

Deno.test("networkCount() is one, or the folds that are trained and the final network", () => {
  const of = (foldsRun: number | null, ensemble: "final" | "folds" = "folds") =>
    networkCount({ ensemble, validation: { folds: 4 }, foldsRun }, 9);
  assert.deepEqual([of(null), of(2), of(7), of(null, "final")], [5, 3, 5, 1]);
});

Deno.test("checkEnsemble() refuses what no fold can answer for, with the remedy", () => {
  const recipe = { ensemble: "folds", validation: "auto", foldsRun: null } as const;
  checkEnsemble(recipe, { patients: 2 });
  checkEnsemble({ ...recipe, ensemble: "final" }, { patients: 1 });
  assert.throws(() => checkEnsemble(recipe, { patients: 1 }), {
    code: "invalid-recipe",
    message:
      "Cannot fine-tune: expected recipe.ensemble to be final, because the cases are of one patient, whom no fold " +
      'can hold out; add cases of another patient, got "folds"',
  });
});

Deno.test("checkEnsembleSize() refuses more networks than a file holds, and says how many folds it does", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [100] });
  const graph = b.build("g", { y: b.op.Mul(x, b.constant(tensor("float32", [100], new Float32Array(100)), "w")) });
  const check = (members: number, limits: Partial<typeof IMPORT_LIMITS>) =>
    checkEnsembleSize(graph, { members, limits: { ...IMPORT_LIMITS, ...limits } });
  check(5, { bytes: 2000 });
  check(1, { bytes: 100 });
  assert.throws(
    () => check(6, { bytes: 2000 }),
    /because a file holds at most 5 of these networks, not 6; ask for at most 4 folds \(validation\), got/,
  );
  assert.throws(() => check(3, { nodes: 2 }), /a file holds at most 2 of these networks, not 3, got/);
});

Deno.test("checkEnsembleTime() refuses a time without a fold", () => {
  checkEnsembleTime({ ensemble: "folds" }, { foldsRun: 1, minutes: 1 });
  checkEnsembleTime({ ensemble: "final" }, { foldsRun: 0, minutes: 1 });
  assert.throws(
    () => checkEnsembleTime({ ensemble: "folds" }, { foldsRun: 0, minutes: 1.2345 }),
    /because a fold would take most of 1.23 minutes; give more time \(budgetMinutes\), got "folds"$/,
  );
});
