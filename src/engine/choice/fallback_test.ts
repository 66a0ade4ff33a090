import assert from "node:assert/strict";
import {
  type Engine,
  EngineError,
  type EngineErrorCode,
  fallbackWarning,
  openEngine,
  type Provider,
  withFallback,
} from "../mod.ts";

/** Opens engines that do nothing, and records the order of opening and closing. */
function recorder(absent: readonly Provider[] = []) {
  const log: string[] = [];
  return {
    log,
    open: (provider: Provider) => {
      log.push(`open ${provider}`);
      if (absent.includes(provider)) return Promise.reject(new EngineError("unsupported", `no ${provider}`));
      return Promise.resolve({ provider, deviceName: `a ${provider}` } as Engine);
    },
    done: (engine: Engine, failed: boolean) =>
      Promise.resolve(void log.push(`${failed ? "failed" : "done"} ${engine.provider}`)),
    onFallback: ({ provider }: { provider: Provider }) => void log.push(`not on ${provider}`),
  };
}

const failingOn = (codes: Partial<Record<Provider, EngineErrorCode>>) => (engine: Engine) => {
  const code = codes[engine.provider];
  return code === undefined ? Promise.resolve(42) : Promise.reject(new EngineError(code, `${code} here`));
};

Deno.test("withFallback() moves on when a device is absent, out of memory or crashed, and says which ran", async () => {
  const { log, ...engines } = recorder(["cuda"]);
  const work = failingOn({ webgpu: "out-of-memory", cpu: "crashed" });
  const { fellBack, ...ran } = await withFallback(["cuda", "webgpu", "cpu", "wasm"], work, engines);
  assert.deepEqual(ran, { value: 42, provider: "wasm", deviceName: "a wasm" });
  assert.deepEqual(fellBack.map(({ provider, error }) => `${provider} ${error.code}`), [
    "cuda unsupported",
    "webgpu out-of-memory",
    "cpu crashed",
  ]);
  assert.deepEqual(fallbackWarning(fellBack[1]), {
    code: "fell-back",
    detail: "webgpu could not do it: out-of-memory here",
  });
  assert.deepEqual(log, [
    ...["open cuda", "not on cuda", "open webgpu", "not on webgpu", "failed webgpu"],
    ...["open cpu", "not on cpu", "failed cpu", "open wasm", "done wasm"],
  ]);
});

Deno.test("withFallback() does not move on after other failures", async () => {
  for (const code of ["failed", "timeout", "closed"] as const) {
    const { log, ...engines } = recorder();
    await assert.rejects(withFallback(["webgpu", "cpu"], failingOn({ webgpu: code }), engines), { code });
    assert.deepEqual(log, ["open webgpu", "failed webgpu"]);
  }
  const { log, ...engines } = recorder();
  await assert.rejects(withFallback(["cpu"], () => Promise.reject(new TypeError("mine")), engines), /mine/);
  assert.deepEqual(log, ["open cpu", "done cpu"], "the device is well");
});

Deno.test("withFallback() asks for the next provider only when it needs one", async () => {
  const { log, ...engines } = recorder();
  async function* providers(): AsyncGenerator<Provider> {
    yield* ["cuda", "webgpu"] as const;
    throw new Error("asked too often");
  }
  const { provider } = await withFallback(providers(), failingOn({ cuda: "out-of-memory" }), engines);
  assert.deepEqual([provider, log.length], ["webgpu", 5]);
});

Deno.test("withFallback() gives every reason when no device can do it", async () => {
  const { log: _, ...engines } = recorder(["cuda"]);
  await assert.rejects(
    withFallback(["cuda", "cpu"], failingOn({ cpu: "out-of-memory" }), engines),
    (e) =>
      e instanceof EngineError && e.code === "out-of-memory" &&
      e.message === "No device could do it. cuda: no cuda; cpu: out-of-memory here",
  );
  await assert.rejects(withFallback([], failingOn({}), engines), /expected at least one provider, got none/);
});

Deno.test("withFallback() closes what it opened by default", async () => {
  let used: Engine | undefined;
  const { value, provider } = await withFallback(["cpu"], (engine) => {
    used = engine;
    return engine.peakBytes();
  }, { open: openEngine });
  assert.equal(provider, "cpu");
  assert.ok(value >= 0);
  await assert.rejects(used!.get("x"), { code: "closed" });
});
