import assert from "node:assert/strict";
import type { JobEvent } from "../../jobs/mod.ts";
import { eventStream } from "./event_stream.ts";

Deno.test("eventStream() makes the frame of an event once for two hundred listeners, who all get it", async () => {
  let made = 0;
  const types = ["progress", "log", "done"] as const;
  const all = types.map((type, i): JobEvent => ({
    id: `${i + 1}`,
    type,
    data: {
      toJSON() {
        made++;
        return { n: i };
      },
    },
  }));
  const source = {
    jobs: {
      get: () => Promise.resolve({}),
      async *events() {
        yield* all;
      },
    },
    stopping: new AbortController().signal,
  };
  const expected = "retry: 3000\n\n" +
    types.map((type, n) => `id: ${n + 1}\nevent: ${type}\ndata: {"n":${n}}\n\n`).join("");
  const streams = Array.from({ length: 200 }, async () => await (await eventStream(source, "a job", undefined)).text());
  for (const text of await Promise.all(streams)) assert.equal(text, expected);
  assert.equal(made, all.length);
});
