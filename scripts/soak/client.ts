/** What every client of a soak has: the service, the load, its own random numbers, and the tally. */
import type { Random } from "../../src/tensor/mod.ts";
import type { Load } from "./load.ts";
import type { Place } from "./service.ts";

export interface Client {
  readonly place: Place;
  readonly load: Load;
  readonly random: Random;
  readonly tally: Tally;
  /** The data set that fine-tunes use. */
  readonly dataset: string;
  /** Its connections, which are closed when its part of the soak is over. */
  readonly http: Deno.HttpClient;
  /** Aborts when it may stop waiting for jobs. */
  readonly over: AbortSignal;
}

export type Action = (client: Client) => Promise<void>;

/** Replies by what was asked and status; 0: the connection ended without a reply. */
export class Tally {
  readonly statuses: Record<string, Record<string, number>> = {};
  /** What the service said to clients that mean well, where it refused them, and how often. */
  readonly refusals: Record<string, number> = {};
  /** Replies that are no answer of a service in order: above 499, but for 503. */
  readonly wrong: string[] = [];
  requests = 0;
  brokenOff = 0;

  count(what: string, status: number, body = ""): void {
    this.requests++;
    const of = this.statuses[what] ??= {};
    of[status] = (of[status] ?? 0) + 1;
    if (status >= 400 && !what.startsWith("hostile")) {
      const refusal = `${what}: ${status} ${/"detail":"([^"]*)/.exec(body)?.[1] ?? ""}`;
      this.refusals[refusal] = (this.refusals[refusal] ?? 0) + 1;
    }
    if (status >= 500 && status !== 503) this.wrong.push(`${what}: ${status} ${body.slice(0, 300)}`);
  }
}

/** Sends a request and counts its reply under `what`; null: there was none. */
export async function send(
  { place, tally, http }: Client,
  what: string,
  path: string,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly body: Uint8Array<ArrayBuffer> } | null> {
  try {
    const reply = await fetch(place.url + path, { ...init, client: http });
    const body = await reply.bytes();
    tally.count(what, reply.status, new TextDecoder().decode(body.subarray(0, 300)));
    return { status: reply.status, body };
  } catch {
    tally.count(what, 0);
    return null;
  }
}

/** The same, where the reply is a JSON object; null: it is a refusal or absent. */
export async function ask(
  client: Client,
  what: string,
  path: string,
  init?: RequestInit,
): Promise<Readonly<Record<string, unknown>> | null> {
  const reply = await send(client, what, path, init);
  return reply !== null && reply.status < 300 ? JSON.parse(new TextDecoder().decode(reply.body)) : null;
}

export const jsonOf = (value: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

export function formOf(images: Readonly<Record<string, Uint8Array<ArrayBuffer>>>): FormData {
  const form = new FormData();
  for (const [name, bytes] of Object.entries(images)) form.append(name, new Blob([bytes]), filename(name, bytes));
  return form;
}

/** With the ending that its first bytes ask for. */
function filename(name: string, bytes: Uint8Array): string {
  return `${name}.nii${bytes[0] === 0x1f && bytes[1] === 0x8b ? ".gz" : ""}`;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
