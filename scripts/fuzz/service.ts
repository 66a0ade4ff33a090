/** A service with fake tasks, to be attacked over HTTP and over bare TCP. */
import { exchange } from "./exchange.ts";
import { addModels } from "../../src/jobs/testing/jobs.ts";
import { Registry } from "../../src/registry/mod.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server/mod.ts";
import { FAKE_TASKS } from "../../src/server/testing/server.ts";
import { openDatabase } from "../../src/storage/mod.ts";
import type { Target } from "./targets.ts";

/** A service, and the lines of its log that say that it failed. */
export interface Watched extends RunningServer {
  readonly failures: readonly string[];
}

/** Runs `fn` with a running service, whose data is removed afterwards. */
export async function withService<T>(
  fn: (server: Watched, data: string) => Promise<T>,
  options: Pick<ServerOptions, "login"> = {},
): Promise<T> {
  const data = await Deno.makeTempDir();
  const failures: string[] = [];
  try {
    const database = await openDatabase({ dataDirectory: data });
    await addModels(await Registry.open({ database, dataDirectory: data }));
    await database.close();
    const server = await startServer({
      data,
      port: 0,
      provider: "cpu",
      tasksModule: FAKE_TASKS,
      log: (entry) => entry.level === "error" && failures.push(JSON.stringify(entry)),
      ...options,
    });
    try {
      return await fn({ ...server, failures }, data);
    } finally {
      await server.close();
    }
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

const text = (value: string) => new TextEncoder().encode(value);
const HEAD = "Host: 127.0.0.1\r\nConnection: close\r\n";

function request(line: string, headers: string, body: string): Uint8Array {
  return text(`${line} HTTP/1.1\r\n${HEAD}${headers}Content-Length: ${text(body).length}\r\n\r\n${body}`);
}

function multipart(): Uint8Array {
  const part = (name: string, content: string) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"; filename="a.nii.gz"\r\n\r\n${content}\r\n`;
  const body = `${part("t1", "no volume")}--x\r\nContent-Disposition: form-data; name="options"\r\n\r\n{}\r\n--x--\r\n`;
  return request("POST /v1/models/tumour/segment", "Content-Type: multipart/form-data; boundary=x\r\n", body);
}

const JSON_HEAD = "Content-Type: application/json\r\n";
const DATASET = '{"name":"a","task":"segmentation","modalities":["t1"],"labels":[{"name":"l","values":[1]}]}';
const FINETUNE = '{"dataset":"00000000-0000-4000-8000-000000000001","base":{"model":"base"},"name":"n"}';

/** Requests that are good but for their damage, sent byte for byte. */
const REQUESTS: readonly Uint8Array[] = [
  text(`GET /v1/jobs?limit=2 HTTP/1.1\r\n${HEAD}\r\n`),
  text(`GET /v1/audit?after=1 HTTP/1.1\r\n${HEAD}\r\n`),
  text(`GET /v1/models/tumour/versions/1 HTTP/1.1\r\n${HEAD}Accept: application/json\r\n\r\n`),
  text(`GET /v1/jobs/00000000-0000-4000-8000-000000000001/events HTTP/1.1\r\n${HEAD}Last-Event-ID: 3\r\n\r\n`),
  request("POST /v1/datasets", JSON_HEAD, DATASET),
  request("POST /v1/finetunes", JSON_HEAD, FINETUNE),
  request("POST /v1/finetunes/plan", JSON_HEAD, FINETUNE),
  request("POST /v1/models/tumour/rollback", JSON_HEAD, '{"approvedBy":"a","note":"b"}'),
  request("PUT /v1/datasets/00000000-0000-4000-8000-000000000001/cases/a/t1", "", "no volume"),
  request("POST /v1/datasets/import?name=x", "Content-Type: application/zip\r\n", "PK"),
  multipart(),
];

/** Bytes as a client may send them: HTTP/1.1 whose line, headers or body are damaged. */
export function protocolTarget({ url }: Watched): Target {
  const { hostname, port } = new URL(url);
  const address = { hostname, port: Number(port) };
  return {
    name: "http",
    seeds: () => Promise.resolve(REQUESTS),
    async read(bytes) {
      const reply = new TextDecoder().decode(await exchange(address, bytes, { replyMs: REPLY_MS }));
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(reply)?.[1] ?? 0);
      if (status >= 500) throw new FuzzedReply(`the service replied ${reply.slice(0, 600)}`);
      if (status >= 400) throw new SyntaxError(`refused with ${status}`); // no reply at all is an answer to nonsense
    },
  };
}

/** How long a reply may take; a request that is damaged may well get none. */
const REPLY_MS = 2000;

class FuzzedReply extends Error {
  override readonly name = "FuzzedReply";
}
