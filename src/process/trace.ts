/**
 * Spans of OpenTelemetry. Deno itself exports them where `OTEL_DENO` is set; elsewhere all of this does nothing. One trace
 * follows a request through every process: its context travels as W3C `traceparent`. A span has names of our own and no
 * message of an error, so that nothing of a patient leaves with it.
 */
import {
  type Attributes,
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";

export interface SpanOptions {
  /** `traceparent` of the span above; null: none. Default: the span in which this is called. */
  readonly parent?: string | null;
  /** Takes work from outside of this process. Default: part of the work above. */
  readonly takes?: "request" | "job";
  readonly attributes?: Attributes;
}

/** A span that has begun. */
export interface OpenSpan {
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** Marks the work as failed, by a stable code. */
  fail(code: string): void;
}

const KINDS = { request: SpanKind.SERVER, job: SpanKind.CONSUMER } as const;

/** The `traceparent` of the span in which this is called; undefined where nothing is traced. */
export function traceparent(): string | undefined {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

/** True where Deno exports traces. */
export function isTracing(): boolean {
  const span = trace.getTracer("sulcus").startSpan("probe", {}, ROOT_CONTEXT); // never ended, so never exported
  return trace.isSpanContextValid(span.spanContext());
}

/** Runs `work` in a span, which ends with it. */
export function inSpan<T>(
  name: string,
  { parent, takes, attributes }: SpanOptions,
  work: (span: OpenSpan) => Promise<T>,
): Promise<T> {
  const above = parent === undefined
    ? context.active()
    : propagation.extract(ROOT_CONTEXT, parent === null ? {} : { traceparent: parent });
  const options = { kind: takes ? KINDS[takes] : SpanKind.INTERNAL, attributes };
  return trace.getTracer("sulcus").startActiveSpan(name, options, above, async (span) => {
    const fail = (code: string) => void span.setAttribute("error.type", code).setStatus({ code: SpanStatusCode.ERROR });
    try {
      return await work({
        rename: (to) => void span.updateName(to),
        set: (more) => void span.setAttributes(more),
        fail,
      });
    } catch (error) {
      fail(codeOf(error));
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Runs `work` as part of a span of another process. */
export function under<T>(parent: string | undefined, work: () => T): T {
  if (parent === undefined) return work();
  return context.with(propagation.extract(ROOT_CONTEXT, { traceparent: parent }), work);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
