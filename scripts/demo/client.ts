/** Calls of the server, as a user's program makes them. For the demo and for the networks of others. */
import type { Service } from "./service.ts";

/** One call of the server. @throws the server's own words when it fails */
export async function call(
  { url }: Service,
  method: string,
  path: string,
  { body, accept = "application/json" }: { body?: unknown; accept?: string } = {},
): Promise<Response> {
  const json = body !== undefined && !(body instanceof Blob) && !(body instanceof FormData);
  const reply = await fetch(url + path, {
    method,
    headers: { accept, ...(json && { "content-type": "application/json" }) },
    body: json ? JSON.stringify(body) : body as BodyInit | undefined,
  });
  if (!reply.ok) throw new Error(`Cannot ${method} ${path}: got ${reply.status} ${await reply.text()}`);
  return reply;
}

/** Fine-tunes, passes the server's events on in words, and returns the candidate's version. */
export async function finetune(
  server: Service,
  request: Record<string, unknown>,
  tell: (text: string) => void = () => {},
): Promise<number> {
  const { id } = await (await call(server, "POST", "/v1/finetunes", { body: request })).json();
  const events = await call(server, "GET", `/v1/jobs/${id}/events`, { accept: "text/event-stream" });
  let nextStep = 0;
  for await (const { type, data } of eventsOf(events.body!)) {
    if (type === "log") tell(`  ${data.message}`);
    if (type === "progress" && data.step >= nextStep) {
      tell(`  step ${data.step} of ${data.steps}, loss ${data.loss.toFixed(3)}, ${data.etaSeconds} s left`);
      nextStep = data.step === 1 ? data.steps / 10 : nextStep + data.steps / 10;
    }
    if (type !== "done") continue;
    if (data.state === "succeeded") return data.result.version;
    throw new Error(`Cannot fine-tune: the job ${data.state}: ${JSON.stringify(data.error)}`);
  }
  throw new Error("Cannot fine-tune: the server ended the events");
}

/** Server-sent events of a job. */
// deno-lint-ignore no-explicit-any
async function* eventsOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<{ type: string; data: any }> {
  let text = "";
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    const frames = (text + part).split("\n\n");
    text = frames.pop()!;
    for (const frame of frames) {
      const [type, data] = ["event", "data"].map((name) => new RegExp(`^${name}: (.*)$`, "m").exec(frame)?.[1]);
      if (type && data) yield { type, data: JSON.parse(data) };
    }
  }
}
