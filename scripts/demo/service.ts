/** The server as a process of its own, as users start it. For the demo, benchmarks and tests. */
import { join } from "node:path";

export interface ServiceOptions {
  readonly data: string;
  readonly models: string;
  /** The device; default `cpu`. */
  readonly provider?: string;
  /** File for the server's log; default: it is dropped. */
  readonly log?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Service {
  readonly url: string;
  /** Sends SIGTERM and returns the exit code. */
  stop(): Promise<number>;
  /** Sends SIGKILL. */
  kill(): Promise<void>;
}

/** Starts `sulcus serve` on a free port; resolves when it reports that it is ready. */
export async function startService(
  { data, models, provider = "cpu", log, env = {} }: ServiceOptions,
): Promise<Service> {
  const main = join(import.meta.dirname!, "../../src/cli/main.ts");
  const flags = ["--port", "0", "--data", data, "--models", models, "--provider", provider, "--json"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", main, "serve", ...flags],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: log === undefined ? "null" : "piped",
  }).spawn();
  if (log !== undefined) {
    const file = await Deno.open(log, { create: true, write: true });
    child.stderr.pipeTo(file.writable);
  }
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: first } = await lines.read();
  if (first === undefined) {
    throw new Error(`The server ended with exit code ${(await child.status).code} before it was ready`);
  }
  const end = async (signal: "SIGTERM" | "SIGKILL") => {
    try {
      child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // a process that has ended cannot be told to
    }
    const { code } = await child.status;
    await lines.cancel();
    return code;
  };
  return { url: JSON.parse(first).url, stop: () => end("SIGTERM"), kill: async () => void await end("SIGKILL") };
}
