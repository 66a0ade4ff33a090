import assert from "node:assert/strict";
import { PRECISIONS } from "./provider.ts";
import { loweringOf, precisionOf, PROVIDERS, recordOf, traitsOf } from "./table.ts";

Deno.test("PROVIDERS are in the order of auto", () => {
  assert.deepEqual(PROVIDERS, ["cuda", "webgpu", "cpu", "openvino", "wasm"]);
});

for (const provider of PROVIDERS) {
  Deno.test(`the record of ${provider} is whole`, () => {
    const { runtime, library, hardware, isSpare, precision, precisions, precisionVariable } = recordOf(provider);
    assert.ok(Deno.statSync(new URL(runtime)).isFile);
    assert.match(library, /^[\w-]+@\d+\.\d+\.\d+$/);
    if (isSpare) {
      const before = PROVIDERS.slice(0, PROVIDERS.indexOf(provider));
      assert.ok(
        before.some((other) => recordOf(other).hardware === hardware),
        "it stands in for one that comes before it",
      );
    }
    const named = Object.keys(precisions);
    assert.ok(named.includes(precision));
    assert.deepEqual(named, PRECISIONS.filter((name) => named.includes(name)));
    assert.ok("float32" in precisions, "what devices are compared in");
    if (precisionVariable !== undefined) assert.match(precisionVariable, /^SULCUS_[A-Z_]+$/);
    for (const each of PRECISIONS.filter((name) => name in precisions)) assertSane(provider, each);
  });
}

function assertSane(...[provider, precision]: Parameters<typeof loweringOf>): void {
  const { passes, temporaryBytes } = loweringOf(provider, precision);
  const { windows: { most, voxels }, spanBytes, atOnceBytes } = traitsOf(provider);
  const names = passes.map(({ name }) => name);
  assert.ok(names.length > 0 && new Set(names).size === names.length);
  assert.ok(temporaryBytes! >= 2 ** 20);
  assert.ok(Number.isInteger(Math.log2(most)) && voxels >= 32 ** 3);
  for (const bytes of [spanBytes, atOnceBytes]) assert.ok(bytes === 0 || bytes >= 2 ** 20, `${bytes}`);
}

Deno.test("loweringOf() refuses a precision that the provider does not have", () => {
  assert.throws(() => loweringOf("cpu", "mixed"), new RangeError("Cannot use cpu at mixed: it has no such precision"));
});

Deno.test("precisionOf() prefers the one asked for, then the environment's, then the provider's own", () => {
  const cuda = "SULCUS_CUDA_PRECISION", all = "SULCUS_PRECISION";
  // not the process's own: tests of other files read that at the same time
  const within = (variables: Record<string, string>) => new Map(Object.entries(variables));
  const found = (variables: Record<string, string>, wishes: readonly Parameters<typeof precisionOf>[0][]) =>
    wishes.map((provider) => precisionOf(provider, undefined, within(variables)));
  assert.deepEqual(found({}, ["cuda", "cpu"]), ["tf32", "float32"]);
  assert.equal(precisionOf("cpu", "mixed", within({})), "float32");
  assert.deepEqual(found({ [cuda]: "mixed" }, ["cuda", "cpu"]), ["mixed", "float32"]);
  assert.equal(precisionOf("cuda", "float32", within({ [cuda]: "mixed" })), "float32");
  assert.deepEqual(found({ [all]: "mixed", [cuda]: "float32" }, ["cuda", "cpu"]), ["float32", "float32"]);
  assert.equal(precisionOf("openvino", "float32", within({ [all]: "mixed" })), "float32");
  const hasBfloat16 = recordOf("openvino").precisions.mixed!.isThere!();
  assert.deepEqual(found({ [all]: "mixed" }, ["cuda", "cpu", "openvino"]), [
    "mixed",
    "float32",
    hasBfloat16 ? "mixed" : "float32",
  ]);
  assert.throws(() => found({ [all]: "half" }, ["cpu"]), {
    name: "EngineError",
    message: "Cannot use cpu: expected SULCUS_PRECISION to be one of float32, tf32, mixed, got half",
  });
  assert.throws(() => found({ [cuda]: "half" }, ["cuda"]), {
    name: "EngineError",
    message: "Cannot use CUDA: expected SULCUS_CUDA_PRECISION to be one of float32, tf32, mixed, got half",
  });
});
