import assert from "node:assert/strict";
import { DEFAULT_BUDGET } from "../../inference/mod.ts";
import { workFor } from "../../process/mod.ts";
import { children } from "../../process/testing/lives.ts";
import { tinyNifti } from "../testing/cases.ts";
import { Inspector } from "./inspect.ts";

async function withFile(work: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, await tinyNifti({ sizeVox: [10, 10, 11] }));
  try {
    await work(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("Inspector.inspect() refuses a volume of more voxels than its budget, with the figures", () =>
  withFile(async (path) => {
    const limited = (voxels: number) => new Inspector({ reads: [path], budget: { ...DEFAULT_BUDGET, voxels } });
    using small = limited(1000), enough = limited(1100);
    for (const isLabel of [false, true]) {
      await assert.rejects(small.inspect(path, { isLabel }), {
        code: "too-much-work",
        message: "Cannot take the volume: the file promises 10×10×11 = 1100 voxels, expected at most 1000",
      });
      assert.deepEqual((await enough.inspect(path, { isLabel })).sizeVox, [10, 10, 11]);
    }
  }));

Deno.test("Inspector.inspect() ends its child when whoever asked leaves, and serves the next", {
  ignore: Deno.build.os !== "linux",
}, () =>
  withFile(async (path) => {
    using inspector = new Inspector({ reads: [path] });
    const left = new AbortController(), before = children();
    const isNew = () => children().some((pid) => !before.includes(pid));
    const first = workFor(left.signal, () => inspector.inspect(path, { isLabel: false }));
    const second = inspector.inspect(path, { isLabel: true });
    while (!isNew()) await new Promise((resolve) => setTimeout(resolve, 5));
    left.abort();
    await assert.rejects(first, { code: "stopping" });
    assert.deepEqual((await second).sizeVox, [10, 10, 11]);
  }));

Deno.test("Inspector.inspect() blames no file where something else ends its child, and serves the next", {
  ignore: Deno.build.os !== "linux",
}, () =>
  withFile(async (path) => {
    using inspector = new Inspector({ reads: [path] });
    const before = children(), isNew = () => children().filter((pid) => !before.includes(pid));
    const first = inspector.inspect(path, { isLabel: false });
    const refused = assert.rejects(first, {
      code: "worker-crashed",
      message:
        /^Cannot inspect a volume now: the process that reads it (did not start|was ended from outside); try again$/,
    });
    while (isNew().length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    Deno.kill(isNew()[0], "SIGKILL");
    await refused;
    assert.deepEqual((await inspector.inspect(path, { isLabel: true })).sizeVox, [10, 10, 11]);
  }));

Deno.test("Inspector.inspect() bounds the files that wait, and takes more once they are inspected", () =>
  withFile(async (path) => {
    using inspector = new Inspector({ reads: [path], maxWaiting: 1 });
    const all = [0, 1, 2].map(() => inspector.inspect(path, { isLabel: false }));
    const ended = await Promise.allSettled(all);
    assert.deepEqual(ended.map(({ status }) => status), ["fulfilled", "fulfilled", "rejected"]);
    await assert.rejects(all[2], { code: "busy", message: "Cannot inspect a volume now: 1 others are waiting" });
    assert.deepEqual((await inspector.inspect(path, { isLabel: false })).sizeVox, [10, 10, 11]);
  }));
