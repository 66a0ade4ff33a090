import { evaluate, GraphBuilder } from "../../graph/mod.ts";
import { assertClose } from "../../graph/testing/check.ts";
import { tensor } from "../../tensor/mod.ts";
import { STEP } from "../testing/trainer.ts";
import { trainingStep } from "./finetuning_step.ts";

const SHAPE = [1, 1, 2, 2, 1];

/** A network that puts out its image times 1, 2 and −1. */
function threeHeads() {
  const b = new GraphBuilder(), x = b.input("image", { dtype: "float32", shape: SHAPE });
  return b.build("heads", { out: b.op.Identity(x), out4: b.op.Mul(x, 2), out3: b.op.Neg(x) });
}

for (const supervision of ["sum", "concat"] as const) {
  Deno.test(`trainingStep() weighs heads alike, or each half as much as the finer one, together 1 (${supervision})`, () => {
    const lossOf = (heads: readonly string[], headWeights?: "equal" | "halved") => {
      const config = { ...STEP, heads, headWeights, supervision, views: 2, isTrainable: () => false } as const;
      const { graph } = trainingStep(threeHeads(), config);
      const { loss } = evaluate(graph, {
        view1: tensor("float32", SHAPE, [1, -2, 0.5, 3]),
        view2: tensor("float32", SHAPE, [1.5, -1, 0.25, 2]),
        target: tensor("float32", SHAPE, [1, 0, 0, 1]),
        learningRate: tensor("float32", [], [1]),
        step: tensor("float32", [], [1]),
      });
      return loss.data[0];
    };
    const [a, b, c] = ["out", "out4", "out3"].map((head) => lossOf([head]));
    const all = ["out", "out4", "out3"];
    const found = [lossOf(all), lossOf(all, "equal"), lossOf(all, "halved"), lossOf(["out"], "halved")];
    assertClose(found, [a + b + c, a + b + c, (4 * a + 2 * b + c) / 7, a], { rtol: 1e-6, what: "losses" });
  });
}
