/**
 * The program of a thread of ONNX Runtime in WebAssembly: the module that the URL names as `module`. A failure ends the
 * whole process, since the thread that runs the graph would wait for this one in an endless loop that takes no events.
 */
import process from "node:process";

process.on("uncaughtException", (error) => {
  Deno.stderr.writeSync(new TextEncoder().encode(`${error}\n`));
  Deno.kill(Deno.pid, "SIGTERM");
});
await import(new URL(import.meta.url).searchParams.get("module")!);
