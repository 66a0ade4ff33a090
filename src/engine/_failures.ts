/**
 * Turns what a native library or an ended process says into an `EngineError` with a code and a sentence.
 * Lets no path and no more than one line of foreign text through.
 */
import { EngineError, type EngineErrorCode } from "./engine.ts";

const OUT_OF_MEMORY =
  /bad_?alloc|fail\w* to allocate|out of memory|out ?of ?memory|allocation failed|memory allocation|Invalid array length|Aborted\(OOM|cannot enlarge memory|not enough memory|tensor shape is too large|storage size overflow|SafeIntOnOverflow|CUDNN_STATUS_ALLOC_FAILED|max(imum)? ?(StorageBufferBindingSize|StorageBuffersPerShaderStage|BufferSize|buffer size)/i;
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

/** How many processes Linux has killed so far because memory ran out; 0 where the system does not tell. */
export function memoryKills(): number {
  try {
    return Number(Deno.readTextFileSync("/proc/vmstat").match(/^oom_kill (\d+)$/m)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/**
 * Why a process that nobody stopped has ended. `stderr` decides the code, only its kind is told; so does
 * `memoryKilled`: Linux has meanwhile killed a process for lack of memory.
 */
export function crashOf(
  title: string,
  status: Deno.CommandStatus,
  { stderr, memoryKilled }: { readonly stderr: string; readonly memoryKilled: boolean },
): EngineError {
  const how = status.signal === null ? `exit code ${status.code}` : `signal ${status.signal}`;
  const name = title[0].toUpperCase() + title.slice(1);
  if (OUT_OF_MEMORY.test(stderr)) {
    return new EngineError("out-of-memory", `${name} ran out of memory and ended with ${how}`);
  }
  const killed = status.signal === "SIGKILL" || status.code === 137;
  if (killed && memoryKilled) {
    return new EngineError("out-of-memory", `${name} was ended by the system for lack of memory`);
  }
  const perhaps = killed ? ", perhaps killed by the system for lack of memory" : "";
  return new EngineError("crashed", `${name} ended unexpectedly with ${how}${perhaps}`);
}

/** What ONNX Runtime puts before its sentence: the call, the C++ source line and function, the status. */
const PREAMBLE =
  /failed to call \w+\(\)\. ERROR_CODE: \d+, ERROR_MESSAGE: |(\S+:\d+ [^[]*)?\[ONNXRuntimeError\] : \d+ : \w+ : /g;
const PATH = /(file:\/\/)?([A-Za-z]:)?([\\/][^\s\\/:"']+){2,}/g;

/** The first 300 characters without line breaks, paths and preamble. */
function oneLine(text: string): string {
  return text.replace(PREAMBLE, "").replace(PATH, "…").replace(/\s+/g, " ").trim().slice(0, 300);
}
