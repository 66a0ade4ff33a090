import assert from "node:assert/strict";
import { headOf, readFlags, readNumber, UsageError } from "./flags.ts";

const PHANTOM = new URL("phantoms/phantom.ts", import.meta.url).pathname;

async function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", PHANTOM, ...words],
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("readFlags() refuses in words, and names the flags there are", () => {
  const options = { out: { type: "string" }, full: { type: "boolean" } } as const;
  assert.equal(readFlags({ args: ["--out", "a"], options }).values.out, "a");
  const cases: [string, string][] = [
    ["--otu", "unknown flag --otu, expected some of --out, --full"],
    ["-x", "unknown flag -x, expected some of --out, --full"],
    ["--out", "expected --out with a value"],
    ["--full=1", "expected --full without a value"],
    ["word", "expected flags only, some of --out, --full"],
  ];
  for (const [word, why] of cases) {
    const message = `Cannot run this script: ${why}. See --help`;
    assert.throws(
      () => readFlags({ args: [word], options }),
      (error) => error instanceof UsageError && (assert.equal(error.message, message), true),
    );
  }
});

Deno.test("readNumber() refuses words that are no number of its range", () => {
  assert.equal(readNumber("--seed", "-3"), -3);
  assert.equal(readNumber("--seconds", "0.5", { above: 0, isWhole: false }), 0.5);
  const cases: [Parameters<typeof readNumber>, string][] = [
    [["--seed", "1.5"], 'expected --seed with a whole number, got "1.5"'],
    [["--seed", " "], 'expected --seed with a whole number, got " "'],
    [["--steps", "0", { from: 1 }], 'expected --steps with a whole number from 1, got "0"'],
    [["--seconds", "0", { above: 0, isWhole: false }], 'expected --seconds with a number above 0, got "0"'],
    [["--seconds", "1h", { above: 0, isWhole: false }], 'expected --seconds with a number above 0, got "1h"'],
    [["--steps", undefined, { from: 1 }], "expected --steps with a whole number from 1, got none"],
  ];
  for (const [words, why] of cases) {
    const message = `Cannot run this script: ${why}. See --help`;
    assert.throws(
      () => readNumber(...words),
      (error) => error instanceof UsageError && (assert.equal(error.message, message), true),
    );
  }
});

Deno.test("headOf() gives the comment at a file's head", () => {
  assert.equal(headOf("/**\n * Makes it:\n *\n *   deno task it\n */\nimport x;"), "Makes it:\n\n  deno task it");
  assert.equal(headOf('/** Makes "it". */\n/** Other. */'), 'Makes "it".');
});

Deno.test("a script ends with 2 for an unknown flag and with its comment for --help", async () => {
  const { code, out, err } = await run("--otu", "x");
  assert.deepEqual([code, out], [2, ""]);
  assert.match(err, /^Cannot run this script: unknown flag --otu, expected some of --out, .*\. See --help\n$/);
  const help = await run("--help");
  assert.deepEqual([help.code, help.err], [0, ""]);
  assert.match(help.out, /deno run -A scripts\/phantoms\/phantom\.ts --out DIR/);
});
