/** A disk that is really full, read-only, or gone, in a namespace in which this test may mount one. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runs } from "../src/process/testing/programs.ts";
import type { FullDisk, Replies } from "./testing/full_disk.ts";

/** How to get a namespace in which one may mount, as root or as anybody; null: not here. */
async function unshare(): Promise<readonly string[] | null> {
  if (Deno.build.os !== "linux") return null;
  for (const words of [["--mount"], ["--user", "--map-root-user", "--mount"]]) {
    const mount = ["--propagation", "private", "mount", "-t", "tmpfs", "none", "/mnt"];
    if (await runs("unshare", ...words, ...mount)) return words;
  }
  return null;
}

const namespace = await unshare();

/** The replies of each kind of request, which must all be the same. */
function statuses(replies: Replies, names: readonly string[]): string[] {
  return [...new Set(names.map((name) => replies[name]))];
}

Deno.test({
  name:
    "a full disk refuses writes with 507, answers reads, and is whole again once there is space; one that is gone or " +
    "read-only takes nothing" + (namespace ? "" : ", skipped: nothing can be mounted here"),
  ignore: namespace === null,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const program = fileURLToPath(new URL("testing/full_disk.ts", import.meta.url));
      const args = [...namespace!, "--propagation", "private", Deno.execPath(), "run", "-A", program, folder];
      const { stdout, stderr } = await new Deno.Command("unshare", { args }).output();
      const text = new TextDecoder().decode(stdout);
      assert.ok(text.startsWith("{"), new TextDecoder().decode(stderr));
      const { free, full, database, freed, gone, kept, missing, left, readOnly }: FullDisk = JSON.parse(text);
      const reads = ["live", "metrics", "list", "read", "models", "jobs"];
      for (const replies of [free, full, freed, gone]) assert.deepEqual(statuses(replies, reads), ["200"], text);
      for (const replies of [free, freed]) {
        assert.deepEqual([replies.create, replies.upload, replies.segment, replies.ready], [
          "201",
          "201",
          "200",
          "200",
        ]);
      }
      assert.deepEqual([full.upload, full.segment, full.ready], ["507 storage-full", "507 storage-full", "503"]);
      assert.equal(database, "507 storage-full", "what the database cannot store");
      assert.deepEqual(statuses(gone, ["create", "upload", "segment"]), ["503 storage-unavailable"]);
      assert.equal(gone.ready, "503");
      assert.deepEqual(left, [], "a request that was refused left files");
      assert.deepEqual(missing, [], "what was acknowledged is lost");
      assert.deepEqual(kept, ["first", "third"]);
      assert.deepEqual([readOnly.code, readOnly.trace], [2, false]);
      assert.match(
        readOnly.words,
        /^Cannot use the data directory .*: expected a folder that can be written \(EROFS\)/,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
