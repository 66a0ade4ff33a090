import assert from "node:assert/strict";
import { Companions, type Engine, loweringOf, type Session, traitsOf } from "../../engine/mod.ts";
import { GraphBuilder } from "../../graph/mod.ts";
import { type Tensor, tensor } from "../../tensor/mod.ts";
import type { ModelSpec } from "../spec.ts";
import { checkedSession, ENOUGH_VOXELS, PrecisionCheck } from "./checked_precision.ts";

const SPEC = {
  labels: [{ name: "lesion", value: 1, colour: "#ffffff" }],
  inference: { roi: [1, 1, 1], overlap: 0.5, blending: "gaussian", threshold: 0.5 },
} as const satisfies Pick<ModelSpec, "labels" | "inference">;

/** Logits of one channel: `inside` voxels of a mask that begins at `from`. */
function logits(inside: number, { from = 0, size = 4 * ENOUGH_VOXELS } = {}): Tensor {
  const data = Float32Array.from({ length: size }, (_, i) => i >= from && i < from + inside ? 3 : -3);
  return tensor("float32", [1, 1, 1, 1, size], data);
}

Deno.test("PrecisionCheck is open until a mask is large enough, then judges by Dice", () => {
  const check = new PrecisionCheck(SPEC);
  check.compare(logits(ENOUGH_VOXELS - 1), logits(ENOUGH_VOXELS - 1));
  assert.equal(check.verdict, "open");
  check.compare(logits(1), logits(1));
  assert.deepEqual([check.verdict, check.warnings()], ["agrees", []]);
  const shifted = (voxels: number) => {
    const check = new PrecisionCheck(SPEC);
    check.compare(logits(ENOUGH_VOXELS), logits(ENOUGH_VOXELS, { from: voxels }));
    return check;
  };
  assert.equal(shifted(5).verdict, "agrees", "a Dice of 0.995");
  assert.equal(shifted(6).verdict, "differs");
  assert.deepEqual(shifted(6).warnings(), [{
    code: "precision-refused",
    detail: "at reduced precision its masks agree with those of float32 by a Dice of 0.994, expected at least 0.995; " +
      "float32 was used",
  }]);
  const missing = new PrecisionCheck(SPEC);
  missing.compare(logits(ENOUGH_VOXELS), logits(0));
  assert.deepEqual([missing.verdict, missing.dice], ["differs", 0]);
});

/** An engine whose first session is exact, the second one reduced; it notes what runs. */
function engineOf(answers: { readonly exact: Tensor; readonly reduced: Tensor }) {
  const ran: string[] = [], names = ["exact", "reduced"] as const;
  let loaded = 0;
  const engine: Partial<Engine> = {
    provider: "openvino",
    precision: "mixed",
    traits: traitsOf("openvino"),
    lowering: loweringOf("openvino", "mixed"),
    companions: new Companions(),
    load: () => {
      const name = names[loaded++];
      const session: Session = {
        inputs: {},
        outputs: {},
        run: () => (ran.push(name), Promise.resolve({ y: answers[name] })),
        release: () => (ran.push(`release ${name}`), Promise.resolve()),
      };
      return Promise.resolve(session);
    },
  };
  return { engine: engine as Engine, ran };
}

const b = new GraphBuilder();
const GRAPH = b.build("net", { y: b.op.Neg(b.input("x", { dtype: "float32", shape: [1] })) });
const exact = loweringOf("openvino", "float32");

Deno.test("checkedSession() answers in float32 until the masks agree, then at reduced precision alone", async () => {
  const answers = { exact: logits(ENOUGH_VOXELS), reduced: logits(ENOUGH_VOXELS, { from: 1 }) };
  const { engine, ran } = engineOf(answers), check = new PrecisionCheck(SPEC);
  const session = await checkedSession(engine, GRAPH, { exact, check });
  assert.equal((await session.run({})).y, answers.exact);
  assert.equal((await session.run({})).y, answers.reduced);
  await session.release();
  assert.deepEqual(ran, ["exact", "reduced", "release exact", "reduced", "release reduced"]);
});

Deno.test("checkedSession() stays in float32 where the masks differ, also when it is loaded anew", async () => {
  const answers = { exact: logits(ENOUGH_VOXELS), reduced: logits(0) };
  const { engine, ran } = engineOf(answers), check = new PrecisionCheck(SPEC);
  const session = await checkedSession(engine, GRAPH, { exact, check });
  for (let i = 0; i < 2; i++) assert.equal((await session.run({})).y, answers.exact);
  await session.release();
  assert.deepEqual(ran, ["exact", "reduced", "exact", "release exact", "release reduced"]);
  const again = engineOf(answers);
  assert.equal((await (await checkedSession(again.engine, GRAPH, { exact, check })).run({})).y, answers.exact);
  assert.deepEqual(again.ran, ["exact"]);
});
