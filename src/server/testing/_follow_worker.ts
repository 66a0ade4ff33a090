/** A thread of clients that follow the events of one job over sockets of their own, so that their work is not the server's. */
import { answerTasks } from "../../process/mod.ts";

export interface FollowTask {
  readonly port: number;
  /** Of the events. */
  readonly path: string;
  readonly clients: number;
}

/** Reads a job's events to their end; returns how many there were. */
async function follow({ port, path }: FollowTask): Promise<number> {
  using socket = await Deno.connect({ hostname: "127.0.0.1", port });
  await socket.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`));
  const buffer = new Uint8Array(2 ** 16), decoder = new TextDecoder();
  let events = 0, rest = "";
  for (let isOver = false; !isOver;) {
    const read = await socket.read(buffer);
    if (read === null) break;
    const parts = (rest + decoder.decode(buffer.subarray(0, read), { stream: true })).split("\nevent: ");
    events += parts.length - 1;
    isOver = parts.some((part) => part.startsWith("done\n"));
    rest = parts.at(-1)!.slice(-16); // an event's line may be cut
  }
  return events;
}

answerTasks((task: FollowTask) => Promise.all(Array.from({ length: task.clients }, () => follow(task))));
