/** Clipped and skipped updates through the trainer: every form of an update measures the same norms. */
import assert from "node:assert/strict";
import { type Engine, openEngine } from "../../../engine/mod.ts";
import { GraphBuilder } from "../../../graph/mod.ts";
import { tensor } from "../../../tensor/mod.ts";
import { assertClose } from "../../../graph/testing/check.ts";
import { inFolder } from "../../../../tests/testing/volumes.ts";
import { network, optionsOf, sampleOf, SIZE, STEP, withTraits } from "../../testing/trainer.ts";
import { train } from "./trainer.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

const clipped = { step: { ...STEP, clipNorm: 0.05 } };

Deno.test("train() measures the norm of every update's gradient, whatever form its micro-batches take", () =>
  inFolder(async (folder) => {
    const of = (name: string, own: Engine, changes = {}) =>
      train(optionsOf(own, `${folder}/${name}`, { ...clipped, batchSize: 2, steps: 6, ...changes }));
    const spans = await of("spans", withTraits(engine, { spanBytes: 1e6 }));
    const calls = await of("calls", withTraits(engine, { spanBytes: 0 }));
    const together = await of("together", withTraits(engine, { spanBytes: 0, atOnceBytes: 1e9 }), {
      networkOf: network,
    });
    assert.ok(spans.norms.length === 6 && spans.norms.every((norm) => norm > 0.05), `${spans.norms}`);
    for (const other of [calls, together]) {
      assertClose(other.norms, spans.norms, { rtol: 1e-4, what: "norms" });
      assertClose(other.losses, spans.losses, { rtol: 1e-4, what: "losses" });
    }
    const free = await train(optionsOf(engine, `${folder}/free`, { batchSize: 2, steps: 6 }));
    assert.deepEqual(free.norms, []);
    const loose = await of("loose", withTraits(engine, { spanBytes: 0 }), { step: { ...STEP, clipNorm: 1e6 } });
    assertClose(loose.losses, free.losses, { rtol: 1e-6, what: "losses under a norm that none reaches" });
    assert.ok(Math.abs(free.losses[5] - spans.losses[5]) > 1e-5, "clipping changes the updates");
  }));

Deno.test("train() skips an update whose gradient overflows, keeps its weights, and reports it", () =>
  inFolder(async (folder) => {
    const b = new GraphBuilder();
    const weight = b.constant(tensor("float32", [1, 2, 1, 1, 1], [0.1, 0.1]), "last.weight");
    const image = b.input("image", { dtype: "float32", shape: [1, 2, ...SIZE] });
    const linear = b.build("linear", { out: b.op.Conv(image, weight, null, { kernel_shape: [1, 1, 1] }) });
    const sample = async (step: number, i: number) => {
      const { views: [view], target } = await sampleOf(step, i);
      // logits near −1e19: their loss is a number, the square of its gradient is none in float32
      return step === 1 ? { views: [view.fill(-1e20)], target: target.fill(1) } : { views: [view], target };
    };
    const options = { network: linear, sample, steps: 3, ...clipped };
    const { norms, losses, weights } = await train(optionsOf(engine, folder, options));
    assert.deepEqual(norms.map((norm) => norm < 0), [false, true, false]);
    assert.ok(losses.every(Number.isFinite) && losses[1] > 1e15, `${losses}`);
    assert.ok([...weights.get("last.weight")!.data].every((v) => Math.abs(Number(v)) < 0.3));
  }));
