/** A job's events as a `text/event-stream` (HTML standard, section 9.2). */
import type { JobEvent, JobRecord, Jobs } from "../../jobs/mod.ts";

/** Proxies close connections that are silent for longer. */
const HEARTBEAT_MS = 15_000;
/** How long browsers wait before they reconnect. */
const RETRY_MS = 3000;

/** Where the events come from. */
export interface EventSource {
  readonly jobs: Pick<Jobs, "events"> & { get(id: string): Promise<Pick<JobRecord, "finishedAt">> };
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
}

export interface EventStreamOptions {
  readonly heartbeatMs?: number;
}

/**
 * Replies with the events after `after`, then with live ones until `done` or until the server stops. Where a job has
 * ended and the client has seen everything, the reply is 204: then browsers do not reconnect.
 * @throws {DomainError} `not-found`
 */
export async function eventStream(
  { jobs, stopping }: EventSource,
  id: string,
  after: string | undefined,
  { heartbeatMs = HEARTBEAT_MS }: EventStreamOptions = {},
): Promise<Response> {
  const { finishedAt } = await jobs.get(id);
  const gone = new AbortController();
  const events = jobs.events(id, { after, signal: AbortSignal.any([gone.signal, stopping]) });
  // The log of an ended job is complete: its first event comes at once, or never.
  const first = finishedAt === undefined ? undefined : await events.next();
  if (first?.done) return new Response(null, { status: 204 });
  const stream = sse(events, { heartbeatMs, first: first?.value, onCancel: () => gone.abort() });
  return new Response(stream, { headers: { "content-type": "text/event-stream", "x-accel-buffering": "no" } });
}

interface SseOptions {
  readonly heartbeatMs: number;
  readonly first: JobEvent | undefined;
  readonly onCancel: () => void;
}

function sse(
  events: AsyncGenerator<JobEvent>,
  { heartbeatMs, first, onCancel }: SseOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytesOf(`retry: ${RETRY_MS}\n\n`));
      if (first) controller.enqueue(frame(first));
      heartbeat = setInterval(() => controller.enqueue(bytesOf(": still here\n\n")), heartbeatMs);
    },
    async pull(controller) {
      try {
        const { done, value } = await events.next();
        if (!done) return controller.enqueue(frame(value));
      } catch (error) {
        clearInterval(heartbeat);
        throw error;
      }
      clearInterval(heartbeat);
      controller.close();
    },
    cancel() {
      clearInterval(heartbeat);
      onCancel();
    },
  });
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The frames of events that several streams send. */
const FRAMES = new WeakMap<JobEvent, Uint8Array<ArrayBuffer>>();

/** JSON has no line breaks, so one data line is enough. Made once for all streams of a job, which get the same objects. */
function frame(event: JobEvent): Uint8Array<ArrayBuffer> {
  const { id, type, data } = event;
  const bytes = FRAMES.get(event) ?? bytesOf(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  FRAMES.set(event, bytes);
  return bytes;
}
