import assert from "node:assert/strict";
import { draftOf } from "../../registry/testing/packages.ts";
import { openDatabase } from "../../storage/mod.ts";
import { inTemp, run, writeFakePackage } from "../testing/cli.ts";

Deno.test("models lists, shows, approves, rolls back and exports", () =>
  inTemp(async (root) => {
    const where = ["--data", `${root}/data`, "--models", `${root}/shipped`];
    const models = async (...argv: string[]) => await run(["models", ...argv, ...where]);
    await writeFakePackage(`${root}/shipped`);
    await writeFakePackage(`${root}/data/models`, { name: "own" });
    assert.deepEqual((await models()).out, [
      "own     segmentation    none served; candidates: 1",
      "tumour  segmentation    version 1 served",
    ]);
    const shown = (await models("show", "own")).out;
    assert.deepEqual(shown.slice(0, 5), [
      "own version 1",
      "  state       candidate",
      "  task        segmentation",
      "  needs       t1, flair",
      "  finds       lesion (1)",
    ]);
    assert.deepEqual((await models("approve", "own", "1", "--by", "A. Reader")).out, ["own version 1 is served now"]);
    const [json] = (await models("show", "own", "--json")).out.map((line) => JSON.parse(line));
    assert.deepEqual([json.type, json.state, json.approvedBy], ["result", "served", "A. Reader"]);
    const back = await models("rollback", "own", "--by", "A. Reader");
    assert.deepEqual([back.code, back.err], [
      1,
      "Cannot roll own back: no version was served before this one\n",
    ]);
    const zip = `${root}/own.zip`;
    assert.match(
      (await models("export", "own", "1", "--out", zip)).out[0],
      /^Wrote own\.zip: 0\.0 MB, sha256 [0-9a-f]{64}$/,
    );
    assert.equal(
      (await models("export", "own", "1", "--out", zip)).err,
      "Cannot write the package: there is such a file already\n",
    );
    const imported = await run(["models", "import", zip, "--data", `${root}/other`, "--models", `${root}/shipped`]);
    assert.equal(imported.code, 1);
    assert.match(imported.err, /^Cannot import a model package: network\.onnx: /, "the fake network must be refused");
  }));

Deno.test("models shows in red, before and after an approval, why a version should not be used", () =>
  inTemp(async (root) => {
    const { provenance } = draftOf(),
      warnings = [
        { code: "fell-back", detail: "cuda could not do it" },
        { code: "worse-than-base", detail: "The fine-tune is worse than its base: Dice 0.600, the base 0.700" },
      ];
    await writeFakePackage(`${root}/data/models`, { name: "own", provenance: { ...provenance, warnings } });
    const where = ["--data", `${root}/data`, "--models", `${root}/shipped`];
    const models = async (argv: string[], io = {}) => (await run(["models", ...argv, ...where], io)).out;
    const red = "\x1b[31mWarning: The fine-tune is worse than its base: Dice 0.600, the base 0.700\x1b[0m";
    const plain = "Warning: The fine-tune is worse than its base: Dice 0.600, the base 0.700";
    assert.deepEqual((await models(["show", "own"], { isTerminal: true })).slice(-2), [
      red,
      "Warning: cuda could not do it",
    ]);
    const approve = ["approve", "own", "1", "--by", "A. Reader"];
    assert.deepEqual((await models(approve, { isTerminal: true, env: { NO_COLOR: "1" } })).slice(0, 2), [
      "own version 1 is served now",
      plain,
    ]);
    await writeFakePackage(`${root}/data/models`, { name: "other", provenance: { ...provenance, warnings } });
    const [json] = (await models(["approve", "other", "1", "--by", "A. Reader", "--json"])).map((line) =>
      JSON.parse(line)
    );
    assert.deepEqual(json.warnings, warnings);
  }));

Deno.test("models refuses wrong words with exit code 2 before it opens anything", () =>
  inTemp(async (root) => {
    const data = `${root}/data`;
    const cases: [string[], string][] = [
      [
        ["lst"],
        'Cannot run models: expected one of list, show, approve, rollback, export, import, features, got "lst"',
      ],
      [["show"], "Cannot run models show: expected NAME [VERSION], got none"],
      [["list", "a"], "Cannot run models list: expected nothing more, got 1 word"],
      [["approve", "a"], "Cannot run models approve: expected NAME VERSION, got 1 word"],
      [["rollback", "a", "1"], "Cannot run models rollback: expected NAME, got 2 words"],
      [["approve", "own", "one", "--by", "me"], 'Cannot use VERSION: expected a version\'s number, got "one"'],
      [["approve", "own", "1"], "Cannot run: expected --by, got none"],
      [["show", "A/B"], 'Cannot use NAME: expected a model\'s name, got "A/B"'],
    ];
    for (const [argv, message] of cases) {
      const { code, err } = await run(["models", ...argv, "--data", data]);
      assert.deepEqual([code, err.split("\n")[0]], [2, message]);
    }
    await assert.rejects(Deno.stat(data), Deno.errors.NotFound);
  }));

Deno.test("models explains that a server has the data directory", () =>
  inTemp(async (root) => {
    const database = await openDatabase({ dataDirectory: `${root}/data` });
    try {
      const { code, err } = await run(["models", "--data", `${root}/data`]);
      assert.equal(code, 1);
      assert.match(
        err,
        /^Cannot use the data directory: process \d+ has it open\. A running server locks its data directory/,
      );
    } finally {
      await database.close();
    }
  }));
