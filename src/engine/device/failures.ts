/** Turns errors of native libraries into `EngineError`s with a code and one line of text, without paths. */
import { isOutOfMemory, ProcessError, RemoteError } from "../../process/mod.ts";
import { ENGINE_ERROR_CODES, EngineError, type EngineErrorCode } from "../errors.ts";

/** Reports of missing memory by native libraries and WebAssembly, beside those of every process. */
const NO_MEMORY =
  /Aborted\(OOM|cannot enlarge memory|tensor shape is too large|storage size overflow|SafeIntOnOverflow|Can not clone \w+MemoryDesc|CUDNN_STATUS_ALLOC_FAILED|max(imum)? ?(StorageBufferBindingSize|StorageBuffersPerShaderStage|BufferSize|buffer size)/i;

/** True where a message reports that memory ran out. */
export function hasNoMemory(message: string): boolean {
  return isOutOfMemory(message) || NO_MEMORY.test(message);
}

const UNSUPPORTED =
  /not[ _]implemented|does not support|not supported|unsupported|could not find an implementation|is not a registered (function|op)|only [\w ]+ (is|are) supported/i;

/** Finds the kind of failure that a message reports. */
export function codeOf(message: string): EngineErrorCode {
  if (hasNoMemory(message)) return "out-of-memory";
  return UNSUPPORTED.test(message) ? "unsupported" : "failed";
}

/** Makes "Cannot <doing>: <why>" of an error of a provider. Removes `path`, even if no pattern recognises it as one. */
export function engineErrorOf(error: unknown, doing: string, path?: string): EngineError {
  if (error instanceof EngineError) return error;
  const thrown = error instanceof Error ? error.message : `native error ${String(error)}`;
  const text = path === undefined ? thrown : thrown.replaceAll(path, "…");
  const code = codeOf(text);
  const why = code === "out-of-memory" ? `out of memory (${oneLine(text)})` : oneLine(text);
  return new EngineError(code, `Cannot ${doing}: ${why}`);
}

/** The call, C++ source line, function and status that ONNX Runtime and OpenVINO write before their sentences. */
const PREAMBLE =
  /(Exception|Check '[^']*' failed|Error) (at|from) \S+:\d+:|failed to call \w+\(\)\. ERROR_CODE: \d+, ERROR_MESSAGE: |(\S+:\d+ [^[]*)?\[ONNXRuntimeError\] : \d+ : \w+ : /g;
const PATH = /(file:\/\/)?([A-Za-z]:)?([\\/][^\s\\/:"']+){2,}/g;

/** The first 300 characters without line breaks, paths and preamble. */
function oneLine(text: string): string {
  return text.replace(PREAMBLE, "").replace(PATH, "…").replace(/\s+/g, " ").trim().slice(0, 300);
}

/**
 * Returns the error of a call of a device's process as an `EngineError`, if the process ended or threw one; else
 * unchanged.
 */
export function errorOfProcess(error: unknown): unknown {
  const isOwn = error instanceof RemoteError && error.name === "EngineError";
  if (!isOwn && !(error instanceof ProcessError)) return error;
  const code = ENGINE_ERROR_CODES.find((code) => code === error.code) ?? "failed";
  return new EngineError(code, error.message, { cause: error });
}
