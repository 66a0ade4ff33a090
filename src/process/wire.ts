/**
 * The JSON lines between a supervised child and its parent: request `{ id, method, params, trace? }`, reply `{ id, result }` or
 * `{ id, error }`, and events `{ event, data }`. A child asks its parent by `{ question, method, params }` and gets
 * `{ question, result }` or `{ question, error }`.
 */
export interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
  /** The span that the child's work is part of, and the name of its own; absent where nothing is traced. */
  readonly trace?: { readonly parent: string; readonly name: string };
}

export type Message =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: WireError }
  | { readonly event: string; readonly data?: unknown }
  | Question;

/** What a child asks of its parent. `parent`: the span that the answer is part of. */
export interface Question {
  readonly question: number;
  readonly method: string;
  readonly params: unknown;
  readonly parent?: string;
}

export type Answer =
  | { readonly question: number; readonly result: unknown }
  | { readonly question: number; readonly error: WireError };

export interface WireError {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
}

/** The event by which a child reports that it takes requests. */
export const READY = "ready";
/** The method that asks a child to end. */
export const CLOSE = "close";

/**
 * An error of a child, of a class that the parent does not know. Keeps its name, its message and its code if it had
 * one.
 */
export class RemoteError extends Error {
  constructor(override readonly name: string, readonly code: string | undefined, message: string) {
    super(message);
  }
}

export function encodeError(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const code = "code" in error && typeof error.code === "string" ? { code: error.code } : {};
  return { name: error.name, message: error.message, ...code };
}

export function decodeError({ name, code, message }: WireError): Error {
  switch (name) {
    case "TypeError":
      return new TypeError(message);
    case "RangeError":
      return new RangeError(message);
    case "SyntaxError":
      return new SyntaxError(message);
    default:
      return new RemoteError(name, code, message);
  }
}

/** Splits a stream of chunks into lines. */
export class LineSplitter {
  #decoder = new TextDecoder();
  #rest: string[] = [];

  /** Takes a chunk and returns the lines that it completes. */
  push(chunk: Uint8Array): string[] {
    const [first, ...more] = this.#decoder.decode(chunk, { stream: true }).split("\n");
    this.#rest.push(first);
    if (more.length === 0) return [];
    const lines = [this.#rest.join(""), ...more];
    this.#rest = [lines.pop()!];
    return lines;
  }
}
