/** The listener on real sockets, with handlers of the tests. */
import assert from "node:assert/strict";
import { Listener, type ListenOptions } from "./listener.ts";
import { affordable, networkOf } from "./open_connections.ts";
import { once } from "node:events";
import { BlockList } from "node:net";
import { connect as connectHttp2 } from "node:http2";

const LIMITS = { headerMs: 20_000, bodyMs: 60_000, connections: 64, connectionsPerAddress: 64 };

interface Bench {
  readonly listener: Listener;
  readonly log: string[];
  readonly refused: string[];
}

async function withListener(
  handler: ListenOptions["handler"],
  fn: (bench: Bench) => Promise<void>,
  limits: Partial<typeof LIMITS> = {},
  trustedProxies?: BlockList,
): Promise<void> {
  const log: string[] = [];
  const refused: string[] = [];
  const listener = new Listener({
    host: "127.0.0.1",
    port: 0,
    limits: { ...LIMITS, ...limits },
    handler,
    methodsOf: () => ["GET", "HEAD"],
    trustedProxies,
    log: ({ event, error = "", code = "" }) => log.push(`${event} ${error} ${code}`.trim()),
    onRefused: (why) => refused.push(why),
  });
  try {
    await fn({ listener, log, refused });
  } finally {
    listener.abort();
    await listener.close();
  }
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function open({ address }: Listener, ...parts: (string | Uint8Array)[]): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: address.hostname, port: address.port });
  for (const part of parts) await writeAll(conn, typeof part === "string" ? bytesOf(part) : part);
  return conn;
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
}

/** Reads until the server closes. */
async function readAll(conn: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(65536);
  const decoder = new TextDecoder();
  try {
    for (let read; (read = await conn.read(buffer)) !== null;) text += decoder.decode(buffer.subarray(0, read));
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  conn.close();
  return text;
}

/** Reads until the text matches, or the server closes. */
async function readUntil(conn: Deno.Conn, pattern: RegExp): Promise<string> {
  const buffer = new Uint8Array(8192);
  let text = "";
  for (let read; !pattern.test(text) && (read = await conn.read(buffer)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, read));
  }
  return text;
}

const ask = async (listener: Listener, ...parts: string[]) => await readAll(await open(listener, ...parts));

/** Answers with what it was asked, as JSON. */
const echo: ListenOptions["handler"] = async (request, { remoteAddr }) => {
  const { method, url, headers } = request;
  const body = await request.text();
  return Response.json({ method, url, agent: headers.get("x-agent"), remoteAddress: remoteAddr.hostname, body });
};

const HEAD = "Host: sulcus.test:80\r\nConnection: close\r\n";

Deno.test("Listener gives requests whole to the handler, and its replies whole to the client", () =>
  withListener(echo, async ({ listener }) => {
    const { port } = listener.address;
    const kept = await open(listener);
    for (let i = 0; i < 3; i++) {
      await writeAll(kept, bytesOf(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`));
      assert.match(await readUntil(kept, /}/), new RegExp(`"url":"http://a/${i}"`));
    }
    kept.close();
    const reply = await ask(listener, `PUT /a/b?c=d HTTP/1.1\r\n${HEAD}X-Agent: me\r\nContent-Length: 3\r\n\r\nabc`);
    assert.match(reply, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(reply, /\r\ncontent-length: \d+\r\n/i);
    assert.deepEqual(JSON.parse(reply.split("\r\n\r\n")[1]), {
      method: "PUT",
      url: "http://sulcus.test/a/b?c=d",
      agent: "me",
      remoteAddress: "127.0.0.1",
      body: "abc",
    });
    const old = await ask(listener, "GET /x HTTP/1.0\r\n\r\n");
    assert.match(old, new RegExp(`"url":"http://127\\.0\\.0\\.1:${port}/x"`));
    const proxied = await ask(listener, `GET http://other.test/x HTTP/1.1\r\n${HEAD}\r\n`);
    assert.match(proxied, /"url":"http:\/\/other\.test\/x"/);
    const waiting = await open(listener, `PUT / HTTP/1.1\r\n${HEAD}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`);
    assert.match(await readUntil(waiting, /\r\n\r\n/), /^HTTP\/1\.1 100 /);
    await writeAll(waiting, bytesOf("abc"));
    assert.match(await readAll(waiting), /"body":"abc"/);
  }));

Deno.test("Listener streams long replies, and keeps a connection for the next request", () =>
  withListener((request) => {
    const chunks = function* () {
      for (let i = 0; i < 64; i++) yield new Uint8Array(65_536).fill(i);
    };
    return new Response(request.method === "HEAD" ? null : ReadableStream.from(chunks()));
  }, async ({ listener }) => {
    const url = `http://127.0.0.1:${listener.address.port}/`;
    for (let i = 0; i < 3; i++) {
      const bytes = await (await fetch(url)).bytes();
      assert.deepEqual([bytes.length, bytes[0], bytes.at(-1)], [64 * 65_536, 0, 63]);
    }
    assert.equal((await fetch(url, { method: "HEAD" })).status, 200);
  }));

Deno.test("Listener refuses what is no request in words, and keeps serving", () =>
  withListener(echo, async ({ listener, log }) => {
    const cases: readonly (readonly [string, number, string])[] = [
      [`GET / HTTP/1.1\r\nHost: a:99999999\r\n\r\n`, 400, "malformed-request"],
      [`GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n`, 400, "malformed-request"],
      [`GET / HTTP/1.1\r\nHost: a:0\r\n\r\n`, 400, "malformed-request"],
      [`GET / HTTP/1.1\r\nHost: a:b:c [\r\n\r\n`, 400, "malformed-request"],
      [`GET / HTTP/1.1\r\nHost: me@a\r\n\r\n`, 400, "malformed-request"],
      [`GET / HTTP/1.1\r\nHost: [::1\r\n\r\n`, 400, "malformed-request"],
      [`GET / HTTP/1.1\r\nHost: \r\n\r\n`, 400, "malformed-request"],
      [`GET / HTTP/1.1\r\n\r\n`, 400, "malformed-request"],
      [`GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`, 400, "malformed-request"],
      [`GET http://a:99999999/ HTTP/1.1\r\nHost: a\r\n\r\n`, 400, "malformed-request"],
      [`GET http://me@a/ HTTP/1.1\r\nHost: a\r\n\r\n`, 400, "malformed-request"],
      [`GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n`, 400, "malformed-request"],
      [`OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n`, 400, "malformed-request"],
      [`TRACE / HTTP/1.1\r\nHost: a\r\n\r\n`, 405, "method-not-allowed"],
      [`CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n`, 405, "method-not-allowed"],
      [`FOO / HTTP/1.1\r\nHost: a\r\n\r\n`, 400, "malformed-request"],
      [`\x16\x03\x01 garbage\r\n\r\n`, 400, "malformed-request"],
      [
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n`,
        400,
        "malformed-request",
      ],
      [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(100_000)}\r\n\r\n`, 431, "header-too-large"],
      [`GET /${"x".repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431, "header-too-large"],
    ];
    for (const [request, status, code] of cases) {
      const conn = await open(listener);
      await writeAll(conn, bytesOf(request)).catch(() => {}); // it may be refused before all of it is sent
      const reply = await readUntil(conn, /}/);
      conn.close();
      const what = `${request.slice(0, 60)}: ${reply}`;
      assert.match(reply, new RegExp(`^HTTP/1\\.1 ${status} `), what);
      assert.match(reply, new RegExp(`"code":"${code}"`), what);
      assert.match(reply, /content-type: application\/problem\+json/i, what);
      if (request.startsWith("TRACE")) assert.match(reply, /^allow: GET, HEAD\r$/im, what);
    }
    assert.match(await ask(listener, `GET /x HTTP/1.1\r\n${HEAD}\r\n`), /^HTTP\/1\.1 200 /);
    assert.deepEqual(log.filter((entry) => !entry.startsWith("refused Problem")), []);
  }));

Deno.test("a header that comes too slowly, and a connection that sends nothing, are closed", () =>
  withListener(echo, async ({ listener }) => {
    const silent = open(listener).then(readAll);
    const half = ask(listener, "GET / HTTP/1.1\r\nHo");
    const dripping = (async () => {
      const conn = await open(listener, "GET / HTTP/1.1\r\n");
      const text = readAll(conn);
      for (let ended = false; !ended;) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        await conn.write(bytesOf("X: y\r\n")).catch(() => ended = true);
      }
      return await text;
    })();
    const later = (async () => { // the second request of a connection
      const conn = await open(listener, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HT");
      return await readAll(conn);
    })();
    assert.match(await later, /^HTTP\/1\.1 200 /);
    assert.equal(await silent, "");
    for (const reply of [await half, await dripping, await later]) {
      assert.match(reply, /HTTP\/1\.1 408 [^]*request-timeout/);
    }
  }, { headerMs: 400 }));

Deno.test("connections past the limits are refused with 503, in total and of one address", async () => {
  for (const [limits, why] of [[{ connections: 4 }, "total"], [{ connectionsPerAddress: 4 }, "address"]] as const) {
    await withListener(echo, async ({ listener, refused }) => {
      const held = await Promise.all([1, 2, 3, 4].map(() => open(listener, "GET / HT")));
      const answered = await ask(listener, "");
      assert.match(answered, /^HTTP\/1\.1 503 [^]*retry-after: 10[^]*"code":"busy"/i);
      assert.deepEqual(refused, [why]);
      held.forEach((conn) => conn.close());
      await until(async () => (await ask(listener, `GET / HTTP/1.1\r\n${HEAD}\r\n`)).startsWith("HTTP/1.1 200 "));
    }, limits);
  }
});

Deno.test("connections that wait for a further request give way when there are too many", () =>
  withListener(echo, async ({ listener, refused }) => {
    const idle = await Promise.all([1, 2, 3, 4].map(async () => {
      const conn = await open(listener, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await conn.read(new Uint8Array(8192));
      return conn;
    }));
    assert.match(await ask(listener, `GET / HTTP/1.1\r\n${HEAD}\r\n`), /^HTTP\/1\.1 (200|503) /);
    await until(async () => (await ask(listener, `GET / HTTP/1.1\r\n${HEAD}\r\n`)).startsWith("HTTP/1.1 200 "));
    assert.ok(refused.length <= 1, `${refused}`);
    idle.forEach((conn) => conn.close());
  }, { connections: 4 }));

Deno.test("connections of a proxy are bounded in total only", () => {
  const trustedProxies = new BlockList();
  trustedProxies.addAddress("127.0.0.1");
  return withListener(
    echo,
    async ({ listener, refused }) => {
      const held = await Promise.all([1, 2, 3, 4].map(() => open(listener, "GET / HT")));
      assert.match(await ask(listener, `GET / HTTP/1.1\r\n${HEAD}\r\n`), /^HTTP\/1\.1 200 /);
      assert.deepEqual(refused, []);
      held.forEach((conn) => conn.close());
    },
    { connectionsPerAddress: 1 },
    trustedProxies,
  );
});

async function until(check: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !await check();) {
    if (Date.now() > end) throw new Error("Gave up waiting");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

for (const protocol of ["HTTP/1.1", "HTTP/2"]) {
  for (const bytes of [10, 3_000_000]) {
    Deno.test(`the handler is told of a client that hangs up after ${bytes} bytes over ${protocol}`, async () => {
      const received = Promise.withResolvers<number>();
      const told = Promise.withResolvers<string>();
      await withListener(async (request) => {
        received.resolve((await request.bytes()).length);
        await new Promise<void>((resolve) => request.signal.addEventListener("abort", () => resolve()));
        told.resolve(request.signal.reason.name);
        return new Response("for nobody");
      }, async ({ listener }) => {
        const hangUp = protocol === "HTTP/2" ? await postHttp2(listener, bytes) : await post(listener, bytes);
        assert.equal(await received.promise, bytes);
        hangUp();
        assert.equal(await told.promise, "AbortError");
      });
    });
  }
}

async function post(listener: Listener, bytes: number): Promise<() => void> {
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`;
  const conn = await open(listener, head, new Uint8Array(bytes));
  return () => conn.close();
}

/** Posts and gives a way to cancel the request while its session stays. */
async function postHttp2({ address }: Listener, bytes: number): Promise<() => void> {
  const session = connectHttp2(`http://127.0.0.1:${address.port}`);
  await once(session, "connect");
  const stream = session.request({ ":method": "POST", ":path": "/" });
  stream.on("error", () => {});
  session.on("error", () => {});
  stream.end(new Uint8Array(bytes));
  return () => {
    stream.close(8); // CANCEL
    session.close();
  };
}

Deno.test("the handler's reply is cancelled when its reader hangs up", async () => {
  const cancelled = Promise.withResolvers<void>();
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    cancel: () => cancelled.resolve(),
  });
  await withListener(() => new Response(endless), async ({ listener }) => {
    const conn = await open(listener, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await conn.read(new Uint8Array(1000));
    conn.close();
    await cancelled.promise;
  });
});

Deno.test("a body in chunks of one byte arrives in few pieces", () =>
  withListener(async (request) => {
    let pieces = 0;
    let bytes = 0;
    for await (const chunk of request.body!) {
      pieces++;
      bytes += chunk.length;
      assert.ok(chunk.buffer.byteLength <= 2 * chunk.length, "it holds more than its bytes");
    }
    return Response.json({ pieces, bytes });
  }, async ({ listener }) => {
    const head = `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
    const reply = await ask(listener, head, "1\r\na\r\n".repeat(100_000), "0\r\n\r\n");
    const { pieces, bytes } = JSON.parse(reply.split("\r\n\r\n")[1]);
    assert.equal(bytes, 100_000);
    assert.ok(pieces < 5000, `${pieces} pieces`);
  }));

Deno.test("close() lets a request end and closes idle connections; abort() ends them all", async () => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let aborted = 0;
  await withListener(async (request) => {
    request.signal.addEventListener("abort", () => aborted++);
    begun.resolve();
    await gate.promise;
    return new Response("done");
  }, async ({ listener }) => {
    const idle = await open(listener);
    const busy = ask(listener, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await begun.promise;
    const closed = listener.close();
    assert.equal(await readAll(idle), "");
    await assert.rejects(open(listener), Deno.errors.ConnectionRefused);
    gate.resolve();
    assert.match(await busy, /^HTTP\/1\.1 200 [^]*connection: close[^]*done$/i);
    await closed;
    assert.equal(aborted, 0);
  });
  const stuck = Promise.withResolvers<void>();
  await withListener((request) =>
    new Promise<Response>((resolve) => {
      request.signal.addEventListener("abort", () => resolve(new Response("late")));
      stuck.resolve();
    }), async ({ listener }) => {
    const busy = ask(listener, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    await stuck.promise;
    const closed = listener.close();
    listener.abort();
    await closed;
    assert.equal(await busy, "");
  });
});

Deno.test("affordable() leaves files for the rest of the program", () => {
  assert.equal(affordable(512, Infinity), 512);
  assert.equal(affordable(512, 1024), 384);
  assert.equal(affordable(512, 96), 4);
});

Deno.test("networkOf() takes an IPv4 address whole and the first half of an IPv6 one", () => {
  const cases = [
    ["10.0.0.1", "10.0.0.1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::1", "0:0:0:0"],
    ["2001:DB8::1", "2001:db8:0:0"],
    ["2001:db8:0:1::", "2001:db8:0:1"],
    ["2001:0db8:0:1:2:3:4:5", "2001:db8:0:1"],
    ["fe80::1%eth0", "fe80:0:0:0"],
  ];
  for (const [address, network] of cases) assert.equal(networkOf(address), network, address);
});
