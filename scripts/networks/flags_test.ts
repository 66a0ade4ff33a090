import assert from "node:assert/strict";
import { UsageError } from "../flags.ts";
import { networkFlags } from "./flags.ts";

Deno.test("networkFlags() reads lists, and has defaults", () => {
  assert.deepEqual(networkFlags(["--only", "unet,vit", "--checks", "cpu,float64", "--record"]), {
    out: undefined,
    python: undefined,
    only: ["unet", "vit"],
    exporters: [],
    checks: ["cpu", "float64"],
    record: true,
  });
  assert.deepEqual(networkFlags([]).checks, ["cpu", "wasm", "gradient", "finetune"]);
});

Deno.test("networkFlags() refuses unknown checks and flags", () => {
  assert.throws(
    () => networkFlags(["--checks", "speed"]),
    (error) =>
      error instanceof UsageError && /"speed": expected --checks to list some of cpu, wasm/.test(error.message),
  );
  assert.throws(() => networkFlags(["--fast"]), UsageError);
});
