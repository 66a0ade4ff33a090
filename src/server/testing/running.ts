/** A server that listens, for tests over real sockets. Trainings and segmentations are fakes. */
import { addModels } from "../../jobs/testing/jobs.ts";
import { openDatabase } from "../../storage/mod.ts";
import { Registry } from "../../registry/mod.ts";
import { type RunningServer, type ServerOptions, startServer } from "../mod.ts";
import { FAKE_TASKS } from "./server.ts";

export function start(data: string, options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  return startServer({ data, port: 0, provider: "cpu", tasksModule: FAKE_TASKS, log: () => {}, ...options });
}

/** Runs `fn` with a data directory that has models. */
export async function withData(fn: (data: string) => Promise<void>): Promise<void> {
  const data = await Deno.makeTempDir();
  try {
    const database = await openDatabase({ dataDirectory: data });
    await addModels(await Registry.open({ database, dataDirectory: data }));
    await database.close();
    await fn(data);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

export async function withServer(
  fn: (server: RunningServer, data: string) => Promise<void>,
  options: Partial<ServerOptions> = {},
): Promise<void> {
  await withData(async (data) => {
    const server = await start(data, options);
    try {
      await fn(server, data);
    } finally {
      await server.close();
    }
  });
}

export async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !await check();) { // starting a process takes long on a busy machine
    if (Date.now() > end) throw new Error(`Gave up waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((e) =>
    e.isDirectory ? filesBelow(`${folder}/${e.name}`).map((f) => `${e.name}/${f}`) : [e.name]
  );
}

/** Sends text or bytes over TCP. */
export async function connect(
  { url }: Pick<RunningServer, "url">,
  ...parts: (string | Uint8Array)[]
): Promise<Deno.Conn> {
  const { hostname, port } = new URL(url);
  const conn = await Deno.connect({ hostname, port: Number(port) });
  for (const part of parts) {
    const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
    for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
  }
  return conn;
}

export async function readSome(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  return new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
}

/** Reads until the server closes. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  return await new Response(conn.readable).text();
}
