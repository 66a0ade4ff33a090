/** Starts a service, and whatever watches it, in processes of their own. */
import type { ProbeFigures } from "./_probe.ts";
import { left } from "./standing.ts";

/** The service under load; `pid` is the process whose memory and handles are counted. */
export interface Place {
  readonly url: string;
  readonly pid: number;
  readonly data: string;
  /** The folder of its temporary files. */
  readonly temporary: string;
  /** Lines of its log of level `error`, without their times. */
  readonly errors: readonly string[];
}

const root = new URL("../../", import.meta.url);
const MOST_ERRORS = 200;

/**
 * Runs `fn` with a service, stops it, and returns what is then left of its temporary files too. `fake`: with fake tasks
 * and models, as the tests have them; otherwise with those of the repository.
 */
export async function withProcess<T>(
  fn: (place: Place) => Promise<T>,
  { fake }: { readonly fake: boolean },
): Promise<T & { readonly exitCode: number; readonly temporaryLeft: readonly string[] }> {
  const folder = await Deno.makeTempDir();
  const data = `${folder}/data`, temporary = `${folder}/tmp`;
  await Deno.mkdir(temporary);
  const args = fake
    ? ["scripts/soak/_fake_service.ts", data]
    : ["src/cli/main.ts", "serve", "--json", "--port", "0", "--data", data, "--provider", "cpu"];
  const child = spawn(args, { TMPDIR: temporary });
  const errors: string[] = [];
  const logged = child.stderr.pipeThrough(new TextDecoderStream()).pipeTo(linesTo((line) => noteError(line, errors)));
  try {
    const found = await fn({ url: await urlOf(child.stdout), pid: child.pid, data, temporary, errors });
    child.kill("SIGTERM");
    const { code: exitCode } = await child.status;
    return { ...found, exitCode, temporaryLeft: left(temporary) };
  } finally {
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended */ }
    await child.status;
    await logged;
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts to ask the service whether it lives, and an idle one beside it; calling the result ends it. */
export async function startProbe(
  { url, pid }: Place,
): Promise<() => Promise<{ probe: ProbeFigures; machine: ProbeFigures }>> {
  const idle = spawn(["scripts/soak/_idle_service.ts"]);
  const child = spawn([
    "scripts/soak/_probe.ts",
    ...[`${url}/health/live`, String(pid)],
    ...[await urlOf(idle.stdout), String(idle.pid)],
  ]);
  return async () => {
    await child.stdin.close();
    const [probe, machine] = await new Response(child.stdout).json();
    idle.kill("SIGKILL");
    await Promise.all([child.status, idle.status, child.stderr.cancel(), idle.stderr.cancel(), idle.stdin.close()]);
    return { probe, machine };
  };
}

function spawn(args: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  return new Deno.Command(Deno.execPath(), { args: ["run", "-A", ...args], cwd: root, env, ...piped }).spawn();
}

/** The address in the first line that the process writes; the rest is read and left out. */
async function urlOf(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  stdout.pipeThrough(new TextDecoderStream()).pipeTo(linesTo((line) => resolve(JSON.parse(line).url)))
    .finally(() => reject(new Error("Cannot soak: a process ended before it was ready"))).catch(() => {});
  return await promise;
}

function noteError(line: string, errors: string[]): void {
  if (!line.includes('"level":"error"') && line.startsWith("{")) return;
  if (errors.length < MOST_ERRORS) errors.push(line.replace(/"time":"[^"]*",?/, "").slice(0, 400));
}

function linesTo(take: (line: string) => void): WritableStream<string> {
  let rest = "";
  return new WritableStream({
    write(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (line !== "") take(line);
    },
  });
}
