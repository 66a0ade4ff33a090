/** Kills trainings that run in a process of their own. */
import { join } from "node:path";

/** Starts `script` of this folder and kills it with SIGKILL when it reports `step`; returns false if it finished. */
export async function runAndKill(script: string, options: unknown, step: number): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", join(import.meta.dirname!, script), JSON.stringify(options)],
    cwd: join(import.meta.dirname!, "../.."),
    stdout: "piped",
  }).spawn();
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes(`"step":${step},`)) {
      child.kill("SIGKILL");
      break;
    }
  }
  return (await child.status).signal === "SIGKILL";
}
