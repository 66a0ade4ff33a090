/** Emitted graphs are what they were: after an intended change of the compiler, `deno run -A tests/golden_test.ts`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { goldens } from "./testing/goldens.ts";

const GOLDEN = join(import.meta.dirname!, "fixtures/golden.json");

if (import.meta.main) Deno.writeTextFileSync(GOLDEN, JSON.stringify(goldens(), null, 2) + "\n");
else {
  Deno.test("inference graphs and training steps are byte-equal to the golden ones, as built and as lowered", () => {
    const golden = JSON.parse(Deno.readTextFileSync(GOLDEN));
    const found = goldens();
    assert.ok(Object.keys(golden).length > 60);
    const changed = [...new Set([...Object.keys(golden), ...Object.keys(found)])].filter((k) => golden[k] !== found[k]);
    assert.deepEqual(changed, []);
  });
}
