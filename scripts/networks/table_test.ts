import assert from "node:assert/strict";
import { completed } from "./main.ts";
import { faultsOf, tableOf } from "./table.ts";

Deno.test("completed() keeps what other checks found, and nothing of or beside a refusal", () => {
  const name = { network: "a", exporter: "dynamo" };
  const cpu = { ms: 21, gap: 1e-6 }, wasm = { ms: 90, gap: 2e-6 }, again = { ms: 20, gap: 1e-6 };
  const float64 = { compared: 1, gap: 1e-9, worst: "w", worstGap: 1e-9 };
  assert.deepEqual(completed({ ...name, served: { cpu: again } }, { ...name, served: { cpu, wasm }, float64 }), {
    ...name,
    served: { cpu: again, wasm },
    float64,
  });
  const refused = { ...name, refused: "no", at: "import" };
  assert.deepEqual(completed(refused, { ...name, float64 }), refused);
  assert.deepEqual(completed({ ...name, float64 }, refused), { ...name, float64 });
});

Deno.test("tableOf() prints what was tried, and refusals in words", () => {
  const served = { cpu: { ms: 21, gap: 1.5e-6 }, wasm: { ms: 90, gap: 2.5e-6 } };
  const gradient = { compared: 14, gap: 2e-7, worst: "a.weight", worstGap: 1e-5 };
  const float64 = { ...gradient, gap: 3e-10 };
  const updates = { losses: [0.8, 0.7, 0.6, 0.5, 0.55], falls: true, seconds: 9.6 };
  const rows = [
    { network: "a", exporter: "dynamo", kept: 10, trained: 14, served, gradient, float64, updates },
    { network: "b", exporter: "dynamo", kept: 1, trained: 2, served, refused: "no feature map", at: "finetune" },
    { network: "c", exporter: "dynamo", refused: "Cannot import |node|", at: "import" },
  ];
  const lines = tableOf(rows).split("\n").slice(2);
  assert.equal(
    lines[0],
    "| a | dynamo | cpu, wasm: 2.5e-6 | 21 ms | 10 of 14 | 2.0e-7 | 3.0e-10 | 0.800 → 0.500, 10 s |",
  );
  assert.equal(lines[1], "| b | dynamo | cpu, wasm: 2.5e-6 | 21 ms | 1 of 2 |  |  | finetune: no feature map |");
  assert.equal(lines[2], "| c | dynamo | import: Cannot import /node/ |  |  |  |  |  |");
});

Deno.test("faultsOf() lists gaps, losses that do not fall, and refusals that are not known", () => {
  const good = { network: "a", exporter: "dynamo", served: { cpu: { ms: 21, gap: 1.5e-6 } } };
  const gradient = { compared: 14, gap: 0.1, worst: "a.weight", worstGap: 0.2 };
  const updates = { losses: [0.5, 0.6], falls: false, seconds: 1 };
  const refused = { network: "b", exporter: "dynamo", refused: "no", at: "import" };
  const known = new Map([["b", /^import: no$/]]);
  assert.deepEqual(faultsOf([good, refused], known), []);
  assert.deepEqual(
    faultsOf([{ ...good, served: { cpu: { ms: 1, gap: 0.5 } }, gradient, float64: gradient, updates }, {
      ...refused,
      at: "finetune",
    }], known),
    [
      "a, dynamo: output on cpu differs by 5.0e-1",
      "a, dynamo: gradient differs by 1.0e-1",
      "a, dynamo: float64 differs by 1.0e-1",
      "a, dynamo: the loss does not fall: 0.500,0.600",
      "b, dynamo: finetune: no",
    ],
  );
});
