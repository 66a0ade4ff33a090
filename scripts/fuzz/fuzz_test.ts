/** The short form of `deno task fuzz`, with a fixed seed and a fixed number of inputs. */
import assert from "node:assert/strict";
import { Random } from "../../src/tensor/mod.ts";
import { fuzz, isRefusal } from "./fuzz.ts";
import { mutated } from "./mutate.ts";
import { protocolTarget, withService } from "./service.ts";
import { FILE_TARGETS } from "./targets.ts";

/** A busy machine may be slow: here only what is wrong counts. */
const OPTIONS = { seed: 19, inputs: 300, slowMs: Infinity } as const;

for (const target of FILE_TARGETS) {
  Deno.test(`the reader of ${target.name} reads or refuses damaged inputs, and never fails otherwise`, async () => {
    const { inputs, refused, findings } = await fuzz(target, OPTIONS);
    assert.deepEqual(findings, []);
    assert.equal(inputs, OPTIONS.inputs);
    assert.ok(refused > OPTIONS.inputs / 20, `only ${refused} of ${inputs} were refused`);
  });
}

Deno.test("every seed of a target is read undamaged", async () => {
  for (const { name, seeds, read } of FILE_TARGETS) {
    for (const [i, seed] of (await seeds()).entries()) {
      await Promise.resolve(read(new Uint8Array(seed))).catch((error) => assert.fail(`${name} ${i}: ${error}`));
    }
  }
});

Deno.test("damaged requests never get a reply above 499, and the service lives on", () =>
  withService(async (server) => {
    const { findings, inputs, read, refused } = await fuzz(protocolTarget(server), { ...OPTIONS, inputs: 60 });
    assert.deepEqual(findings, []);
    assert.equal(read + refused, inputs);
    assert.ok(refused > 5, `only ${refused} of ${inputs} got a refusal`);
    assert.equal((await fetch(`${server.url}/health/live`)).status, 200);
  }));

Deno.test("fuzz() reports what is no refusal and what takes long, with the input", async () => {
  const seeds = () => Promise.resolve([new Uint8Array(4)]);
  const broken = await fuzz({ name: "x", seeds, read: () => null!["y"] }, { seed: 1, inputs: 3 });
  assert.equal(broken.findings.length, 3);
  assert.match(broken.findings[0].what, /TypeError/);
  const slow = await fuzz({ name: "x", seeds, read: () => new Promise((r) => setTimeout(r, 20)) }, {
    seed: 1,
    inputs: 1,
    slowMs: 5,
  });
  assert.match(slow.findings[0].what, /^took \d+ ms$/);
  assert.deepEqual(
    [new SyntaxError("x"), new TypeError("Cannot read x"), new TypeError("x is not a function"), 3].map(isRefusal),
    [
      true,
      true,
      false,
      false,
    ],
  );
});

Deno.test("mutated() gives the same inputs for the same seed, and others for another", () => {
  const from = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 50 }, () => mutated(new Uint8Array(40), random).toHex());
  };
  assert.deepEqual(from(1), from(1));
  assert.notDeepEqual(from(1), from(2));
  assert.ok(new Set(from(1)).size > 40);
});
