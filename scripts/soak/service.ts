/** Starts a service in a process of its own, whose memory and handles can be counted. */
import type { Place } from "./soak.ts";

/**
 * Runs `fn` with a service. `fake`: with fake tasks and models, as the tests have them; otherwise with those of the
 * repository.
 */
export async function withProcess<T>(
  fn: (place: Place) => Promise<T>,
  { fake }: { readonly fake: boolean },
): Promise<T> {
  const data = await Deno.makeTempDir();
  const script = fake ? "scripts/soak/_fake_service.ts" : "src/cli/main.ts";
  const args = ["run", "-A", script, ...(fake ? [data] : ["serve", "--json", "--port", "0", "--data", data])];
  const root = new URL("../../", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), { args, cwd: root, stdout: "piped", stderr: "null" }).spawn();
  try {
    return await fn({ url: await urlOf(child.stdout), pid: child.pid, data });
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(data, { recursive: true });
  }
}

/** The address in the first line that the process writes; the rest is read and left out. */
async function urlOf(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("Cannot soak: the service ended before it was ready");
    text += value;
  }
  void (async () => {
    while (!(await reader.read()).done);
  })();
  const { url } = JSON.parse(text.split("\n")[0]);
  return url;
}
