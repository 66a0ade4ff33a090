import assert from "node:assert/strict";
import { descendantsOf } from "./standing.ts";

Deno.test({
  name: "descendantsOf() has the processes that a process started, and none where it has ended" +
    (Deno.build.os === "linux" ? "" : ", skipped: it reads /proc"),
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
    assert.ok(descendantsOf(Deno.pid).includes(child.pid));
    child.kill("SIGKILL");
    await child.status;
    assert.deepEqual(descendantsOf(child.pid), []);
  },
});
