import assert from "node:assert/strict";
import { inTemp } from "../testing/cli.ts";
import { commitOf } from "./commit.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";
const OTHER = "f".repeat(40);

/** Writes files, by path, with their folders. */
async function write(root: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]+$/, ""), { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, text);
  }
}

Deno.test("commitOf() reads the checked-out commit of every kind of clone, without the program git", async () => {
  const cases: Record<string, Record<string, string>> = {
    "a branch": { ".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": `${HASH}\n` },
    "a branch with a slash": { ".git/HEAD": "ref: refs/heads/fix/a\n", ".git/refs/heads/fix/a": `${HASH}\n` },
    "no branch": { ".git/HEAD": `${HASH}\n` },
    "packed branches": {
      ".git/HEAD": "ref: refs/heads/main\n",
      ".git/packed-refs": `# pack-refs with: peeled\n${OTHER} refs/heads/domain\n${HASH} refs/heads/main\n^${OTHER}\n`,
    },
    "a branch that moved after it was packed": {
      ".git/HEAD": "ref: refs/heads/main\n",
      ".git/refs/heads/main": HASH,
      ".git/packed-refs": `${OTHER} refs/heads/main\n`,
    },
    "a linked working tree": {
      ".git": "gitdir: main/.git/worktrees/second\n",
      "main/.git/worktrees/second/HEAD": "ref: refs/heads/second\n",
      "main/.git/worktrees/second/commondir": "../..\n",
      "main/.git/refs/heads/second": `${HASH}\n`,
    },
  };
  for (const [name, files] of Object.entries(cases)) {
    await inTemp(async (root) => {
      await write(root, files);
      assert.equal(await commitOf({}, root), HASH, name);
      assert.equal(await commitOf({ SULCUS_COMMIT: "built" }, root), "built", name);
      assert.equal(await commitOf({ SULCUS_COMMIT: "unknown" }, root), HASH, name);
    });
  }
});

Deno.test("commitOf() knows none outside a clone, or where a branch has no commit", () =>
  inTemp(async (root) => {
    assert.equal(await commitOf({}, root), undefined);
    assert.equal(await commitOf({ SULCUS_COMMIT: "unknown" }, root), undefined);
    await write(root, { ".git/HEAD": "ref: refs/heads/main\n" });
    assert.equal(await commitOf({}, root), undefined);
    await write(root, { ".git/refs/heads/main": "ref: something else" });
    assert.equal(await commitOf({}, root), undefined);
  }));
