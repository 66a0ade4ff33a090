import assert from "node:assert/strict";
import { BENCHES } from "./cases.ts";
import { UsageError } from "../flags.ts";
import { benchFlags } from "./flags.ts";
import { median, timesOf } from "./measure.ts";

const chosenBy = (...words: string[]) => benchFlags(words).names;
const long = Object.keys(BENCHES).filter((name) => BENCHES[name].isLong);

Deno.test("benchFlags() chooses benchmarks by --only, and the long ones by --full or their names", () => {
  const all = Object.keys(BENCHES);
  assert.deepEqual(chosenBy(), all.filter((name) => !long.includes(name)));
  assert.deepEqual(chosenBy("--full"), all);
  // a name is that one alone, though it is a part of others
  assert.deepEqual(chosenBy("--only", "edge-step-64"), ["edge-step-64"]);
  assert.deepEqual(chosenBy("--only", "edge-volume"), ["edge-volume-1x", "edge-volume-2x", "edge-volume-4x"]);
  // a list measures each, once, in the table's order
  assert.deepEqual(chosenBy("--only", "edge-step-64,uniunet-forward-64"), ["uniunet-forward-64", "edge-step-64"]);
  assert.deepEqual(chosenBy("--only", "edge-step-64, edge-step"), ["edge-step-64", "edge-step-64-single"]);
  assert.deepEqual(chosenBy("--only", "uniunet-volume"), ["uniunet-volume"]);
  assert.deepEqual(chosenBy("--only", "unet-step"), ["uniunet-step-64", "uniunet-step-64-in-2-gb"]);
  assert.deepEqual(chosenBy("--only", "unet-step", "--full").length, 5);
});

Deno.test("benchFlags() reads the device and refuses words that it does not know", () => {
  const flags = benchFlags(["--provider", "wasm", "--threads", "2", "--precision", "float32"]);
  assert.deepEqual([flags.provider, flags.threads, flags.precision], ["wasm", 2, "float32"]);
  assert.equal(benchFlags([]).provider, "cpu");
  const refused: [string[], RegExp][] = [
    [
      ["--only", "edge-step-46"],
      /^Cannot bench "edge-step-46": expected a name, or a part of one, of\n {2}uniunet-forward-64\n/,
    ],
    [["--only", "edge-step-64,nothing"], /^Cannot bench "nothing"/],
    [["--only", ""], /^Cannot bench ""/],
    [["--provider", "tpu"], /^Cannot bench: expected --provider to be one of .*cpu.*, got tpu$/],
    [["--precision", "half"], /^Cannot bench: expected --precision to be one of .*, got half$/],
    [["--threads", "many"], /^Cannot bench: expected --threads to be a whole number from 1, got many$/],
    [["--threads", "0"], /got 0$/],
    [["--onyl", "x"], /^Cannot run this script: unknown flag --onyl, expected some of --only, .*--data\. See --help$/],
  ];
  for (const [words, message] of refused) {
    assert.throws(
      () => benchFlags(words),
      (error) => error instanceof UsageError && message.test(error.message),
      `${words}`,
    );
  }
});

Deno.test("deno task bench ends with 2 and the names there are when --only names none", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("main.ts", import.meta.url).pathname, "--only", "nothing"],
  }).output();
  assert.equal(code, 2);
  assert.equal(stdout.length, 0);
  const printed = new TextDecoder().decode(stderr);
  for (const name of Object.keys(BENCHES)) assert.ok(printed.includes(name), `${name} is not named in ${printed}`);
});

Deno.test("timesOf() leaves the first run out of the best and the median", () => {
  assert.deepEqual(timesOf([900, 30, 10, 20]), { firstMs: 900, bestMs: 10, medianMs: 20 });
  assert.deepEqual(timesOf([900, 30, 10, 20, 50]), { firstMs: 900, bestMs: 10, medianMs: 25 });
  assert.deepEqual(timesOf([900]), { firstMs: 900, bestMs: 900, medianMs: 900 });
  assert.equal(median([3]), 3);
});
