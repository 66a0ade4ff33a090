/** Why a supervised process, or what it was asked, failed: codes and sentences. No path and no foreign text gets through. */

export type EngineErrorCode = "crashed" | "out-of-memory" | "timeout" | "unsupported" | "failed" | "closed";

/** What the engine throws; `code` decides retry and fallback. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  constructor(readonly code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** What native libraries say when memory runs out. */
export const OUT_OF_MEMORY =
  /bad_?alloc|fail\w* to allocate|out of memory|out ?of ?memory|allocation failed|memory allocation|Invalid array length|Aborted\(OOM|cannot enlarge memory|not enough memory|tensor shape is too large|storage size overflow|SafeIntOnOverflow|CUDNN_STATUS_ALLOC_FAILED|max(imum)? ?(StorageBufferBindingSize|StorageBuffersPerShaderStage|BufferSize|buffer size)/i;

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
