/**
 * The server's log: JSON lines. An entry has no field for names, bodies or query values. Errors are logged by class,
 * code and place in the program, never by message, which may quote paths or headers of patients.
 */

export interface LogEntry {
  readonly level: "info" | "warn" | "error";
  readonly event: string;
  readonly requestId?: string;
  readonly method?: string;
  /** The route's pattern. */
  readonly route?: string;
  readonly status?: number;
  readonly ms?: number;
  readonly error?: string;
  readonly code?: string;
  readonly at?: readonly string[];
}
export type Logger = (entry: LogEntry) => void;

/** Writes to stderr. */
export function logToStderr(entry: LogEntry): void {
  const line = new TextEncoder().encode(JSON.stringify({ time: new Date().toISOString(), ...entry }) + "\n");
  for (let done = 0; done < line.length;) done += Deno.stderr.writeSync(line.subarray(done));
}

const FRAMES = 6;

/** The loggable part of an error: class, code, and the frames of its stack that lie in this program. */
export function traceOf(error: unknown): Pick<LogEntry, "error" | "code" | "at"> {
  if (!(error instanceof Error)) return { error: typeof error };
  const places = [...(error.stack ?? "").matchAll(/\/(src\/[\w/.-]+:\d+:\d+|node_modules\/[\w@/.+-]+:\d+:\d+)/g)];
  const code = "code" in error && typeof error.code === "string" ? { code: error.code } : {};
  return { error: error.name, ...code, at: places.slice(0, FRAMES).map((m) => m[1]) };
}
