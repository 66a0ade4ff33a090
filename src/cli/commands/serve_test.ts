import assert from "node:assert/strict";
import { inTemp, run } from "../testing/cli.ts";
import { serveCommand } from "./serve.ts";

const MAIN = import.meta.resolve("../main.ts");

Deno.test("serve refuses wrong settings with exit code 2 and their names", async () => {
  const cases: [string[], Record<string, string>, string][] = [
    [["--port", "x"], {}, 'Cannot use --port: expected a port from 0 to 65535, got "x"'],
    [[], { SULCUS_PORT: "-1" }, 'Cannot use SULCUS_PORT: expected a port from 0 to 65535, got "-1"'],
    [["--header-seconds", "0"], {}, 'Cannot use --header-seconds: expected a whole number from 1 to 3600, got "0"'],
    [["--work-voxels", "0"], {}, 'Cannot use --work-voxels: expected a whole number from 1 to 100000000000, got "0"'],
    [[], { SULCUS_WORK_GIGABYTES: "much" }, 'Cannot use SULCUS_WORK_GIGABYTES: expected a number above 0, got "much"'],
    [[], { S3_BUCKET: "b" }, "Cannot use S3_BUCKET: storage in S3 is not supported yet"],
    [
      ["--host", "0.0.0.0"],
      {},
      "Cannot listen on 0.0.0.0: others can reach it, so it needs a login (--login token or oidc) and the names under " +
      "which it is reached (--allowed-hosts), see docs/login.md; or give --insecure to let everybody who reaches it do " +
      "everything",
    ],
  ];
  for (const [argv, env, message] of cases) {
    const { code, err } = await run(["serve", ...argv], { env });
    assert.deepEqual([code, err.split("\n")[0]], [2, message]);
  }
});

Deno.test("serve reads a variable for each flag with a value, and those without a flag that its help lists", async () => {
  const flags = Object.entries(serveCommand.flags).filter(([, { value }]) => value !== undefined);
  const variables = [
    ...flags.map(([flag]) => `SULCUS_${flag.toUpperCase().replaceAll("-", "_")}`),
    ...[...serveCommand.notes.matchAll(/^ {2}([A-Z_]+) {2}/gm)].map(([, name]) => name),
  ];
  assert.ok(variables.includes("SULCUS_MAX_READS") && variables.includes("DATABASE_URL"));
  for (const name of variables) {
    const { code, err } = await run(["serve"], { env: { [`${name}_FILE`]: "/nowhere/value" } });
    const message = `Cannot use ${name}_FILE: the file that it names cannot be read`;
    assert.deepEqual([code, err.split("\n")[0]], [2, message]);
  }
});

Deno.test("serve refuses a data directory that it cannot make or write", () =>
  inTemp(async (root) => {
    await Deno.writeTextFile(`${root}/file`, "");
    for (const data of [`${root}/file`, `${root}/file/data`]) {
      const { code, err } = await run(["serve", "--port", "0", "--data", data]);
      assert.equal(code, 2);
      assert.match(
        err,
        /^Cannot use the data directory \(SULCUS_DATA, or its flag\): expected a folder that can be written/,
      );
      assert.ok(!err.includes(root), err);
    }
  }));

Deno.test("serve reports that the port is taken", () =>
  inTemp(async (root) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const { code, err } = await run(["serve", "--port", String(port), "--data", root]);
    assert.deepEqual([code, err], [1, `Cannot listen on port ${port}: another program does\n`]);
  }));

Deno.test({
  name: "serve prints its URL when it is ready and ends with 0 after SIGTERM",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inTemp(async (root) => {
      await using process = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--quiet", MAIN, "serve", "--port", "0", "--data", root, "--models", `${root}/none`],
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const { value = "" } = await reader.read();
      const url = /^Sulcus is ready: (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(value)?.[1];
      assert.ok(url, value);
      const reply = await fetch(`${url}/health/live`);
      assert.deepEqual([reply.status, await reply.json()], [200, { status: "live" }]);
      process.kill("SIGTERM");
      assert.equal((await process.status).code, 0);
      assert.deepEqual(await reader.read(), { value: undefined, done: true });
    }),
});
