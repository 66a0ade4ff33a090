/** Tries what a child may not do. */
import { hostname } from "node:os";
import { ask, serve } from "../serve.ts";

const TRIES: Readonly<Record<string, (path: string) => unknown>> = {
  read: (path) => Deno.readTextFile(path),
  write: (path) => Deno.writeTextFile(path, "written"),
  connect: () => Deno.connect({ port: 9 }),
  listen: () => Deno.listen({ port: 0 }).close(),
  resolve: () => Deno.resolveDns("localhost", "A"),
  run: () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).output(),
  load: () => Deno.dlopen("libc.so.6", {}).close(),
  kill: () => Deno.kill(Deno.ppid, "SIGCONT"),
  variable: () => Deno.env.get("HOME"),
  variables: () => Deno.env.toObject(),
  machine: () => [hostname(), Deno.networkInterfaces(), Deno.osRelease()],
  user: () => Deno.uid(),
  "load average": () => Deno.loadavg(),
};

serve({
  /** Returns the name of the error; "done" where there is none. */
  attempt: async ({ does, path }: { does: string; path: string }) => {
    try {
      await TRIES[does](path);
      return "done";
    } catch (error) {
      return error instanceof Error ? error.name : "unknown";
    }
  },
  ask: (question: unknown) => ask("echo", question),
});
