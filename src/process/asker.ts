/**
 * For whom work is done: whoever asked may leave, and then the children end that read files for it. A context of the work,
 * because the rooms between a request and its children know nothing of requests.
 */
import { AsyncLocalStorage } from "node:async_hooks";

const asking = new AsyncLocalStorage<AbortSignal>();

/** Runs work for somebody; `left` aborts when they leave. */
export function workFor<T>(left: AbortSignal, work: () => T): T {
  return asking.run(left, work);
}

/** Aborts when whoever asked for the work that calls this leaves; undefined where nobody may leave. */
export function askerLeft(): AbortSignal | undefined {
  return asking.getStore();
}
