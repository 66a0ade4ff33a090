/**
 * A thread of ONNX Runtime in WebAssembly: the module that the address names as `module`, and the end of the whole process
 * where it fails. The thread that runs the graph would wait for it in a loop without end, deaf to events.
 */
import process from "node:process";

process.on("uncaughtException", (error) => {
  Deno.stderr.writeSync(new TextEncoder().encode(`${error}\n`));
  Deno.kill(Deno.pid, "SIGTERM");
});
await import(new URL(import.meta.url).searchParams.get("module")!);
