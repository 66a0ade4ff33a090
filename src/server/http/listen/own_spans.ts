/**
 * Deno makes a span of its own of every request, with the address in it, and so the names of cases. It keeps the span at
 * the reply (HTTP/1) or the stream (HTTP/2) and exports it when the reply ends: taken away, it is never exported. The
 * request has a span without its address instead, see `middleware/observe.ts`.
 */
import { isTracing } from "../../../process/mod.ts";

const OWN_SPAN = "kOtelSpan";

/**
 * Takes Deno's own span away from a reply or a stream; does nothing where nothing is traced.
 * @throws {TypeError} there is none: this Deno keeps it elsewhere, and would export it
 */
export function dropOwnSpan(holder: object): void {
  if (!isTracing()) return;
  const key = Object.getOwnPropertySymbols(holder).find(({ description }) => description === OWN_SPAN);
  if (key === undefined || !Reflect.set(holder, key, undefined)) {
    throw new TypeError("Cannot trace requests without their addresses with this version of Deno: unset OTEL_DENO");
  }
}
