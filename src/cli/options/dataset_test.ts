import assert from "node:assert/strict";
import { Args } from "../terminal/args.ts";
import { inTemp } from "../testing/cli.ts";
import { datasetOptionsOf } from "./dataset.ts";

const optionsOf = (flags: Record<string, string | true>) =>
  datasetOptionsOf(new Args([], new Map(Object.entries(flags))));

Deno.test("datasetOptionsOf() reads what is said about the cases", () =>
  inTemp(async (folder) => {
    assert.deepEqual(await optionsOf({}), { channels: undefined, patients: undefined, skip: undefined });
    const table = `${folder}/p.csv`;
    await Deno.writeTextFile(table, "case,patient\na,A\n");
    const all = { patients: table, "map-channel": "MRI=t1,x=flair", "skip-bad-cases": true } as const;
    const { channels, ...rest } = await optionsOf(all);
    assert.deepEqual(rest, { patients: { table: "case,patient\na,A\n" }, skip: "errors" });
    assert.deepEqual(["mri", "x", "t2"].map((name) => channels?.modalityOf(name)), ["t1", "flair", "t2"]);
    assert.deepEqual((await optionsOf({ "patient-rule": "^(P)", "leave-out": "a, b" })).skip, ["a", "b"]);
    assert.deepEqual((await optionsOf({ "patient-rule": "^(P)" })).patients, { rule: "^(P)" });
  }));

Deno.test("datasetOptionsOf() names the flag that is wrong", async () => {
  const refused: [Record<string, string | true>, RegExp][] = [
    [{ patients: "/none.csv" }, /Cannot use --patients: expected a file with text, got "\/none\.csv"/],
    [{ patients: "a", "patient-rule": "b" }, /Cannot use --patient-rule: --patients is given too/],
    [{ "leave-out": "a", "skip-bad-cases": true }, /Cannot use --leave-out: --skip-bad-cases is given too/],
    [{ "map-channel": "MRI" }, /Cannot use --map-channel: Cannot map channels: expected NAME=MODALITY/],
  ];
  for (const [flags, message] of refused) await assert.rejects(optionsOf(flags), { name: "UsageError", message });
});
