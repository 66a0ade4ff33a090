/**
 * Turns what a native library says into an `EngineError` with a code and a sentence.
 * Lets no path and no more than one line of foreign text through.
 */
import { isOutOfMemory, ProcessError, RemoteError } from "../../process/mod.ts";
import { ENGINE_ERROR_CODES, EngineError, type EngineErrorCode } from "../errors.ts";

/** What native libraries and WebAssembly report when memory runs out, beside what every process does. */
const NO_MEMORY =
  /Aborted\(OOM|cannot enlarge memory|tensor shape is too large|storage size overflow|SafeIntOnOverflow|CUDNN_STATUS_ALLOC_FAILED|max(imum)? ?(StorageBufferBindingSize|StorageBuffersPerShaderStage|BufferSize|buffer size)/i;

/** True where a message reports that the device or its process has no memory for something. */
export function hasNoMemory(message: string): boolean {
  return isOutOfMemory(message) || NO_MEMORY.test(message);
}

const UNSUPPORTED =
  /not[ _]implemented|does not support|not supported|unsupported|could not find an implementation|is not a registered (function|op)|only [\w ]+ (is|are) supported/i;

/** Which kind of failure a message tells of. */
export function codeOf(message: string): EngineErrorCode {
  if (hasNoMemory(message)) return "out-of-memory";
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

/** What a call of a device's process threw, as an `EngineError` where the process ended or threw one itself. */
export function errorOfProcess(error: unknown): unknown {
  const isOwn = error instanceof RemoteError && error.name === "EngineError";
  if (!isOwn && !(error instanceof ProcessError)) return error;
  const code = ENGINE_ERROR_CODES.find((code) => code === error.code) ?? "failed";
  return new EngineError(code, error.message, { cause: error });
}
