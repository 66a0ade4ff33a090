import assert from "node:assert/strict";
import { PRECISIONS } from "./provider.ts";
import { loweringOf, precisionOf, PROVIDERS, recordOf, traitsOf } from "./table.ts";

Deno.test("PROVIDERS are in the order of auto", () => {
  assert.deepEqual(PROVIDERS, ["cuda", "webgpu", "cpu", "wasm"]);
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
    if (named.length > 1) assert.match(precisionVariable!, /^SULCUS_[A-Z_]+$/);
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
  const cuda = "SULCUS_CUDA_PRECISION", before = Deno.env.get(cuda);
  try {
    Deno.env.delete(cuda);
    assert.deepEqual([precisionOf("cuda"), precisionOf("cpu"), precisionOf("cpu", "mixed")], [
      "tf32",
      "float32",
      "float32",
    ]);
    Deno.env.set(cuda, "mixed");
    assert.deepEqual([precisionOf("cuda"), precisionOf("cuda", "float32"), precisionOf("cpu")], [
      "mixed",
      "float32",
      "float32",
    ]);
    Deno.env.set(cuda, "half");
    assert.throws(() => precisionOf("cuda"), {
      name: "EngineError",
      message: "Cannot use CUDA: expected SULCUS_CUDA_PRECISION to be one of float32, tf32, mixed, got half",
    });
  } finally {
    if (before === undefined) Deno.env.delete(cuda);
    else Deno.env.set(cuda, before);
  }
});
