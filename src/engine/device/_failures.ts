/**
 * Turns what a native library says into an `EngineError` with a code and a sentence.
 * Lets no path and no more than one line of foreign text through.
 */
import { EngineError, type EngineErrorCode } from "../errors.ts";
import { OUT_OF_MEMORY } from "../../process/mod.ts";

const UNSUPPORTED =
  /not[ _]implemented|does not support|not supported|unsupported|could not find an implementation|is not a registered (function|op)|only [\w ]+ (is|are) supported/i;

/** Which kind of failure a message tells of. */
export function codeOf(message: string): EngineErrorCode {
  if (OUT_OF_MEMORY.test(message)) return "out-of-memory";
  return UNSUPPORTED.test(message) ? "unsupported" : "failed";
}

/** "Cannot <doing>: <why>", from whatever a provider threw; without `path`, whatever characters it holds. */
export function engineErrorOf(error: unknown, doing: string, path?: string): EngineError {
  if (error instanceof EngineError) return error;
  const told = error instanceof Error ? error.message : `native error ${String(error)}`;
  const text = path === undefined ? told : told.replaceAll(path, "…");
  const code = codeOf(text);
  const why = code === "out-of-memory" ? `out of memory (${oneLine(text)})` : oneLine(text);
  return new EngineError(code, `Cannot ${doing}: ${why}`);
}

/** What ONNX Runtime puts before its sentence: the call, the C++ source line and function, the status. */
const PREAMBLE =
  /failed to call \w+\(\)\. ERROR_CODE: \d+, ERROR_MESSAGE: |(\S+:\d+ [^[]*)?\[ONNXRuntimeError\] : \d+ : \w+ : /g;
const PATH = /(file:\/\/)?([A-Za-z]:)?([\\/][^\s\\/:"']+){2,}/g;

/** The first 300 characters without line breaks, paths and preamble. */
function oneLine(text: string): string {
  return text.replace(PREAMBLE, "").replace(PATH, "…").replace(/\s+/g, " ").trim().slice(0, 300);
}
