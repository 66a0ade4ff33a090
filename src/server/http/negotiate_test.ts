import assert from "node:assert/strict";
import { bestType, prefersAsync } from "./negotiate.ts";

const OFFERED = ["application/octet-stream", "application/json"];

Deno.test("bestType() follows quality, then the more specific range, then the server's order", () => {
  const cases: [string | null, string | undefined][] = [
    [null, OFFERED[0]],
    ["", OFFERED[0]],
    ["*/*", OFFERED[0]],
    ["application/json", OFFERED[1]],
    ["APPLICATION/JSON; charset=utf-8", OFFERED[1]],
    ["application/json;q=0.5, */*;q=0.1", OFFERED[1]],
    ["application/*", OFFERED[0]],
    ["application/octet-stream;q=0, */*", OFFERED[1]],
    ["text/html", undefined],
    ["application/json;q=0", undefined],
    ["application/json;q=nonsense", undefined],
  ];
  for (const [accept, expected] of cases) assert.equal(bestType(accept, OFFERED), expected, `Accept: ${accept}`);
});

Deno.test("prefersAsync() finds respond-async among preferences", () => {
  const asks = (prefer?: string) => prefersAsync(new Request("http://x/", prefer ? { headers: { prefer } } : {}));
  assert.deepEqual([asks("respond-async"), asks("wait=10, Respond-Async"), asks("return=minimal"), asks()], [
    true,
    true,
    false,
    false,
  ]);
});
