import assert from "node:assert/strict";
import { openDatabase } from "../../storage/mod.ts";
import { AuditTrail, SYSTEM } from "../../audit/mod.ts";
import { inTemp, run } from "../testing/cli.ts";

const HEAD = /(\d+):([0-9a-f]{64})/;

Deno.test("audit verifies the trail, exports it, and verifies the export; a changed export is refused", () =>
  inTemp(async (folder) => {
    const data = `${folder}/data`;
    const database = await openDatabase({ dataDirectory: data });
    const trail = new AuditTrail(database);
    for (const id of ["a", "b", "c"]) {
      await trail.record({ who: SYSTEM, action: "dataset.read", object: { kind: "dataset", id }, outcome: "success" });
    }
    await database.close();
    const verified = await run(["audit", "verify", "--data", data]);
    assert.deepEqual([verified.code, verified.err], [0, ""]);
    assert.match(verified.out[0], /^The audit trail is whole: 3 entries from 1, newest 3:/);
    const [head] = HEAD.exec(verified.out[0])!;
    assert.equal((await run(["audit", "verify", "--data", data, "--expect", head])).code, 0);

    const [lines, messages] = [`${folder}/trail.jsonl`, `${folder}/trail.xml`];
    const exported = await run(["audit", "export", "--data", data, "--out", lines, "--json"]);
    assert.deepEqual(JSON.parse(exported.out[0]), { type: "result", entries: 4, format: "jsonl" });
    assert.equal((await run(["audit", "verify", "--file", lines, "--expect", head])).code, 0);
    await run(["audit", "export", "--data", data, "--out", messages, "--format", "atna", "--since", "2020-01-01"]);
    const written = (await Deno.readTextFile(messages)).trim().split("\n");
    assert.equal(written.length, 5);
    for (const line of written) assert.match(line, /^<AuditMessage>.*<\/AuditMessage>$/);

    const text = await Deno.readTextFile(lines);
    await Deno.writeTextFile(lines, text.replace("dataset.read", "dataset.list"));
    const changed = await run(["audit", "verify", "--file", lines]);
    assert.equal(changed.code, 1);
    assert.match(changed.err, /Cannot trust the audit trail: Entry 1 was changed/);
    await Deno.writeTextFile(lines, text.split("\n").slice(0, 2).join("\n"));
    const cut = await run(["audit", "verify", "--file", lines, "--expect", head]);
    assert.match(cut.err, /Entry 3 with the hash that was noted is not there/);
    assert.match((await run(["audit", "export", "--data", data, "--out", lines])).err, /there is such a file already/);
  }));

Deno.test("audit refuses a wrong command line and a file that is no export", () =>
  inTemp(async (folder) => {
    const file = `${folder}/other.jsonl`;
    await Deno.writeTextFile(file, "{}\n");
    const cases: [string[], number, RegExp][] = [
      [["audit"], 2, /expected verify or export, got ""/],
      [["audit", "verify", "--expect", "3"], 2, /Cannot use --expect: expected SEQ:HASH/],
      [["audit", "export"], 2, /expected --out/],
      [["audit", "export", "--out", `${folder}/x`, "--format", "csv"], 2, /one of jsonl, atna/],
      [["audit", "export", "--out", `${folder}/x`, "--since", "yesterday"], 2, /expected a date/],
      [["audit", "verify", "--file", file], 1, /Cannot read line 1 of the export/],
      [["audit", "verify", "--file", `${folder}/none`], 1, /there is no such file/],
    ];
    for (const [argv, code, message] of cases) {
      const { code: got, err } = await run(argv);
      assert.equal(got, code, argv.join(" "));
      assert.match(err, message);
    }
  }));
