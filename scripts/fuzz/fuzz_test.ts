/** The short form of `deno task fuzz`, with a fixed seed and a fixed number of inputs. */
import assert from "node:assert/strict";
import { Random } from "../../src/tensor/mod.ts";
import { fuzz, isRefusal } from "./fuzz.ts";
import { http2Target } from "./http2.ts";
import { mutated } from "./mutate.ts";
import { protocolTarget, withService } from "./service.ts";
import { FILE_TARGETS, type Target } from "./targets.ts";

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
    for (const target of [protocolTarget(server), http2Target(server)]) {
      const { findings, inputs, read, refused } = await fuzz(target, { ...OPTIONS, inputs: 60 });
      assert.deepEqual(findings, [], target.name);
      assert.equal(read + refused, inputs);
      assert.ok(refused > 5, `only ${refused} of ${inputs} got a refusal over ${target.name}`);
      assert.ok(read > 5, `only ${read} of ${inputs} were read over ${target.name}`);
    }
    assert.deepEqual(server.failures, []);
    assert.equal((await fetch(`${server.url}/health/live`)).status, 200);
  }));

Deno.test("the undamaged requests of HTTP/2 are requests, and what the service logs as a failure is a finding", () =>
  withService(async (server) => {
    const target = http2Target(server);
    for (const seed of await target.seeds()) await target.read(new Uint8Array(seed));
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /method="POST",route="\/v1\/datasets",status="201"\} 1/);
    assert.match(metrics, /route="\/v1\/models\/\{name\}\/segment",status="4\d\d"\} 1/);
    const failures: string[] = [];
    const failing = http2Target({ url: server.url, failures });
    const read = failing.read(new Uint8Array((await target.seeds())[0]));
    failures.push("a failure");
    await assert.rejects(Promise.resolve(read), /a failure/);
  }));

Deno.test("fuzz() reports what is no refusal and what takes long, with the input", async () => {
  const seeds = () => Promise.resolve([new Uint8Array(4)]);
  const broken = await fuzz({ name: "x", seeds, read: () => null!["y"] }, { seed: 1, inputs: 3 });
  assert.equal(broken.findings.length, 3);
  assert.match(broken.findings[0].what, /TypeError/);
  const spin = () => {
    for (const end = performance.now() + 200; performance.now() < end;);
  };
  const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 60));
  const took = async (read: Target["read"], slowMs: number) =>
    (await fuzz({ name: "x", seeds, read }, { seed: 1, inputs: 1, slowMs })).findings.map(({ what }) => what);
  assert.match((await took(spin, 1)).join(), /^took \d+ ms of processor time, \d+ ms in all$/);
  assert.match((await took(pause, 1)).join(), /^took \d+ ms/, "stuck");
  assert.deepEqual(await took(pause, 5000), [], "it only waited");
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
