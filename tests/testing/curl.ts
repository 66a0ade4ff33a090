/** The real `curl`, for requests as users make them. */
import { mkdtempSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runs } from "../../src/process/testing/programs.ts";

/** The reason why tests with curl cannot run here, or undefined. */
export const NO_CURL = await runs("curl", "--version") ? undefined : "curl does not run";

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
  // deno-lint-ignore no-explicit-any
  json(): any;
}

/** One call of curl. A broken connection has status 0 and curl's own words. */
export async function curl(...args: readonly string[]): Promise<Reply> {
  const folder = mkdtempSync(join(tmpdir(), "sulcus-curl-"));
  try {
    const out = join(folder, "body");
    const { stdout } = await new Deno.Command("curl", {
      args: ["-sS", "-o", out, "-w", "%{http_code} %{content_type}", ...args],
      stderr: "null",
    }).output();
    const [status, type] = new TextDecoder().decode(stdout).split(" ");
    const body = new Uint8Array(await readFile(out).catch(() => new Uint8Array()));
    const text = () => new TextDecoder().decode(body);
    return { status: Number(status), type, body, json: () => JSON.parse(text()) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The flags of curl that send a value as JSON. */
export function sending(value: unknown): string[] {
  return ["-H", "Content-Type: application/json", "--data-binary", JSON.stringify(value)];
}

export interface StreamEvent {
  readonly id: number;
  readonly type: string;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

/** Watches a stream of events with `curl -N` until `enough`, or its end. */
export async function watch(
  args: readonly string[],
  enough: (event: StreamEvent) => boolean = () => false,
): Promise<StreamEvent[]> {
  const child = new Deno.Command("curl", { args: ["-sSN", ...args], stdout: "piped", stderr: "null" }).spawn();
  const events: StreamEvent[] = [];
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    const frames = (text + part).split("\n\n");
    text = frames.pop()!;
    for (const frame of frames) {
      const [, id, type, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(frame) ?? [];
      if (id !== undefined) events.push({ id: Number(id), type, data: JSON.parse(data) });
    }
    if (events.some(enough)) break;
  }
  try {
    child.kill("SIGKILL");
  } catch {
    // it has ended by itself
  }
  await child.status;
  return events;
}
