/** The server as a process of its own, as users start it. For benchmarks and tests. */
import { join } from "node:path";

export interface ServiceOptions {
  readonly data: string;
  readonly models: string;
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
export async function startService({ data, models, env = {} }: ServiceOptions): Promise<Service> {
  const main = join(import.meta.dirname!, "../../src/cli/main.ts");
  const flags = ["--port", "0", "--data", data, "--models", models, "--provider", "cpu", "--json"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", main, "serve", ...flags],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: first } = await lines.read();
  if (first === undefined) {
    throw new Error(`The server ended with exit code ${(await child.status).code} before it was ready`);
  }
  const end = async (signal: "SIGTERM" | "SIGKILL") => {
    child.kill(signal);
    const { code } = await child.status;
    await lines.cancel();
    return code;
  };
  return { url: JSON.parse(first).url, stop: () => end("SIGTERM"), kill: async () => void await end("SIGKILL") };
}
