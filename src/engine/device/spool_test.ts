import assert from "node:assert/strict";
import { join } from "node:path";
import { type Tensor, tensor } from "../../tensor/tensor.ts";
import { layOut, readTensors, Spool, writeTensors } from "./spool.ts";

const TENSORS: Record<string, Tensor> = {
  flag: tensor("bool", [3], [1, 0, 1]),
  none: tensor("float32", [0, 2], []),
  id: tensor("int64", [], [2 ** 40]),
  large: tensor("float32", [100_000], Float32Array.from({ length: 100_000 }, (_, i) => i)),
  half: tensor("float64", [1], [0.1]),
};

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await work(folder);
  await Deno.remove(folder, { recursive: true });
}

const ageFolder = (path: string) => Deno.utimeSync(path, new Date(0), new Date(0));

Deno.test("layOut() aligns every tensor to 16 bytes", () => {
  const { placed, bytes } = layOut(TENSORS);
  assert.deepEqual(Object.values(placed).map(({ offset }) => offset), [0, 16, 16, 32, 400_032]);
  assert.equal(bytes, 400_048);
});

Deno.test("readTensors() returns what writeTensors() wrote, also over a longer file and into a scratch buffer", () =>
  withFolder(async (folder) => {
    const path = join(folder, "t");
    const { placed, bytes } = layOut(TENSORS);
    await Deno.writeFile(path, new Uint8Array(bytes + 1000).fill(255));
    await writeTensors(path, TENSORS);
    assert.deepEqual(await readTensors(path, placed), TENSORS);
    await writeTensors(path, TENSORS, 0);
    assert.deepEqual(await readTensors(path, placed, { blockBytes: 0 }), TENSORS);
    const scratch = new ArrayBuffer(bytes);
    const views = await readTensors(path, placed, { scratch });
    assert.deepEqual(views, TENSORS);
    assert.equal(views.large.data.buffer, scratch);
    await Deno.truncate(path, 50);
    await assert.rejects(readTensors(path, placed), new RangeError('Cannot read "large": the file ends early'));
  }));

Deno.test("Spool keeps its folder to this user and removes it", () =>
  withFolder((folder) => {
    const spool = Spool.create(folder);
    if (Deno.build.os !== "windows") assert.equal(Deno.statSync(spool.folder).mode! & 0o777, 0o700);
    Deno.writeTextFileSync(spool.place("feeds"), "x");
    spool.sweep();
    assert.deepEqual([...Deno.readDirSync(spool.folder)].map((e) => e.name), ["lock"]);
    spool.remove();
    assert.throws(() => Deno.statSync(spool.folder), Deno.errors.NotFound);
    return Promise.resolve();
  }));

Deno.test(
  "Spool.create() refuses a folder that its child could not open",
  { ignore: Deno.build.os !== "linux" },
  () => {
    assert.throws(() => Spool.create("/dev/shm"), /^RangeError: Cannot hand tensors over in a folder below \/dev/);
  },
);

Deno.test("Spool.create() removes the folders of dead processes and no others", () =>
  withFolder((folder) => {
    const living = Spool.create(folder).folder;
    const dead = join(folder, "sulcus-spool-dead");
    const young = join(folder, "sulcus-spool-young");
    const other = join(folder, "other");
    for (const path of [dead, young, other]) Deno.mkdirSync(path);
    Deno.writeTextFileSync(join(dead, "feeds"), "x");
    for (const path of [dead, living, other]) ageFolder(path);
    const spool = Spool.create(folder);
    assert.throws(() => Deno.statSync(dead), Deno.errors.NotFound);
    for (const path of [living, young, other]) assert.ok(Deno.statSync(path).isDirectory, path);
    spool.remove();
    return Promise.resolve();
  }));
