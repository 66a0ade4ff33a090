/**
 * The program of the thread that reads stdin for `serve()`. Stdin ends with the parent, and this thread then ends the
 * process, even while the main thread is inside a long native call.
 */
import { LineSplitter } from "./wire.ts";

const main = self as unknown as {
  postMessage(line: string | null): void;
  onmessage: (event: MessageEvent<readonly string[]>) => void;
};
let folders: readonly string[] = [];
main.onmessage = ({ data }) => folders = data;

const lines = new LineSplitter();
const chunk = new Uint8Array(65536);

main.postMessage(null);
for (;;) {
  const read = await Deno.stdin.read(chunk).catch(() => null);
  if (read === null) break;
  for (const line of lines.push(chunk.subarray(0, read))) main.postMessage(line);
}
await Promise.allSettled(folders.map((folder) => Deno.remove(folder, { recursive: true })));
Deno.kill(Deno.pid, "SIGKILL");
