/** The program `sulcus serve` as a process: it stops in order, and outlives clients that take all its connections. */
import assert from "node:assert/strict";
import { connect, readSome, until } from "./testing/running.ts";

interface Served {
  readonly url: string;
  readonly child: Deno.ChildProcess;
  /** Everything it wrote to standard error. */
  readonly log: Promise<string>;
}

/** The program ended before it was ready. */
class NotStarted extends Error {
  constructor(readonly code: number, readonly said: string) {
    super(`The server did not start: ${said}`);
  }
}

/** Starts the program; `files`: how many it may have open. */
async function serve(data: string, files?: number): Promise<Served> {
  const program = [Deno.execPath(), "run", "-A", "--quiet", "src/cli/main.ts"];
  const words = [...program, "serve", "--json", "--port", "0", "--provider", "cpu", "--data", data, "--models", data];
  const limit = files === undefined ? "" : `ulimit -n ${files}; `;
  const child = new Deno.Command("sh", {
    args: ["-c", `${limit}exec "$@"`, "sh", ...words],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const log = new Response(child.stderr).text();
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes('"ready"')) return { url: JSON.parse(text.split("\n")[0]).url, child, log };
  }
  throw new NotStarted((await child.status).code, text + await log);
}

async function withServed(fn: (served: Served) => Promise<void>, files?: number): Promise<void> {
  const data = await Deno.makeTempDir();
  try {
    const served = await serve(data, files);
    try {
      await fn(served);
    } finally {
      try {
        served.child.kill("SIGKILL");
      } catch {
        // It has ended, as it should.
      }
      await served.child.status;
    }
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

/** Every line of the log as JSON. */
function entriesOf(log: string): { event: string }[] {
  return log.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

const UNFINISHED = "POST /v1/datasets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" +
  "Content-Length: 1000\r\n\r\n{";

Deno.test("SIGTERM with a request open ends the program with 0 and nothing but JSON in the log", () =>
  withServed(async (served) => {
    const { child, log } = served;
    const open = await connect(served, UNFINISHED);
    const idle = await connect(served, "GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert.match(await readSome(idle), /^HTTP\/1\.1 200 /);
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0, await log);
    assert.ok(Array.isArray(entriesOf(await log)));
    open.close();
    idle.close();
  }));

Deno.test("clients that take every connection and file do not end the program", () =>
  withServed(async (served) => {
    const { child, log, url } = served;
    const held: Deno.Conn[] = [];
    for (let i = 0; i < 400; i++) {
      const conn = await connect(served, UNFINISHED).catch(() => null); // it may be refused at once
      if (conn !== null) held.push(conn);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
    for (const conn of held) conn.close();
    await until("it answers again", async () => {
      const reply = await fetch(`${url}/health/live`).catch(() => null);
      await reply?.body?.cancel();
      return reply?.status === 200;
    });
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0, await log);
    assert.ok(entriesOf(await log).every(({ event }) => event !== "failure"), await log);
  }, 320));

Deno.test("a process that may open too few files says so instead of starting", async () => {
  const data = await Deno.makeTempDir();
  const expected =
    /^Cannot start the server: this process may have 160 files open \(ulimit -n\), expected at least 264/m;
  await assert.rejects(serve(data, 160), (e) => e instanceof NotStarted && e.code === 1 && expected.test(e.said));
  assert.deepEqual([...Deno.readDirSync(data)], []);
  await Deno.remove(data, { recursive: true });
});
