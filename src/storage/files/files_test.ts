import assert from "node:assert/strict";
import { refusal } from "../testing/refusal.ts";
import { receiveFile, writeWhole } from "./files.ts";

const names = (folder: string) => [...Deno.readDirSync(folder)].map((e) => e.name).sort();

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("writeWhole() makes the folder and replaces a file by a text, by bytes, by parts and by a stream", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a/b.txt`, bytes = new TextEncoder().encode("whole");
    for (const content of ["whole", bytes, ["wh", bytes.subarray(2)], new Blob([bytes]).stream()]) {
      await writeWhole(path, "an older and longer text");
      await writeWhole(path, content);
      assert.equal(await Deno.readTextFile(path), "whole");
      assert.deepEqual(names(`${folder}/a`), ["b.txt"]);
    }
  }));

Deno.test("writeWhole() and receiveFile() leave the former file when the content fails or is too long", () =>
  inFolder(async (folder) => {
    const path = `${folder}/kept`;
    await writeWhole(path, "former");
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10);
      await Promise.reject(new Error("cut"));
    }
    const stop = new AbortController();
    const receive = (options: { maxBytes?: number; signal?: AbortSignal }) =>
      receiveFile(new Blob(["0123456789"]).stream(), path, options);
    await assert.rejects(writeWhole(path, broken()), { message: "cut" });
    await assert.rejects(receive({ maxBytes: 9 }), refusal("too-large", /expected at most 9 bytes, got more/));
    stop.abort(new Error("stopped"));
    await assert.rejects(receive({ signal: stop.signal }), { message: "stopped" });
    assert.deepEqual([names(folder), await Deno.readTextFile(path)], [["kept"], "former"]);
    assert.deepEqual(await receive({ maxBytes: 10 }), {
      bytes: 10,
      sha256: "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882",
    });
  }));
