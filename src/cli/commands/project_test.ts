import assert from "node:assert/strict";
import { AuditTrail } from "../../audit/mod.ts";
import { openDatabase } from "../../storage/mod.ts";
import { inTemp, run } from "../testing/cli.ts";

Deno.test("project sets what a project keeps field by field, shows it, resets it, and leaves entries in the trail", () =>
  inTemp(async (root) => {
    const project = async (...words: string[]) => {
      const { code, out, err } = await run(["project", ...words, "--data", root, "--json"], {
        env: { SULCUS_DATASET_DAYS: "30" },
      });
      assert.equal(code, 0, err);
      return JSON.parse(out[0]).projects;
    };
    await project("set", "neuro", "--dataset-days", "365", "--storage-bytes", "1000");
    const [neuro] = await project("set", "neuro", "--dataset-days", "none");
    assert.deepEqual(neuro.own, { datasetDays: null, storageBytes: 1000 });
    assert.deepEqual([neuro.policy.datasetDays, neuro.policy.resultHours, neuro.usedBytes], [null, 24, 0]);
    assert.deepEqual(await project("list"), [neuro]);
    const shown = (await run(["project", "show", "neuro", "--data", root])).out;
    assert.ok(shown.includes("  result-hours      24  (installation)"), shown.join("\n"));
    assert.ok(shown.includes("  dataset-days      none"), shown.join("\n"));
    const [reset] = await project("reset", "neuro");
    assert.deepEqual([reset.own, reset.policy.datasetDays], [{}, 30]);
    const database = await openDatabase({ dataDirectory: root });
    const events = (await Array.fromAsync(new AuditTrail(database).entries())).map(({ event }) => event);
    await database.close();
    assert.deepEqual(
      events.map(({ action, object, who }) => [action, object.id, who.name]),
      Array(3).fill(["project.change", "neuro", "command line"]),
    );
  }));

Deno.test("project refuses wrong words with exit code 2, before it opens anything", async () => {
  const cases: [string[], RegExp][] = [
    [[], /expected one of list, show, set, reset, got ""/],
    [["show"], /^Cannot run project show: expected NAME, got none\n/],
    [["list", "a"], /^Cannot run project list: expected nothing more, got 1 word\n/],
    [["set", "a b", "--job-days", "1"], /Cannot use NAME/],
    [["set", "a"], /expected a flag such as --dataset-days/],
    [["set", "a", "--job-days", "0"], /Cannot use --job-days: expected a whole number from 1 on, or none, got "0"/],
  ];
  for (const [argv, words] of cases) {
    const { code, err } = await run(["project", ...argv, "--data", "/nowhere"]);
    assert.equal(code, 2, err);
    assert.match(err, words);
  }
});
