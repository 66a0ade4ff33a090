import assert from "node:assert/strict";
import { Args } from "../terminal/args.ts";
import { LIMIT_FLAGS, LIMIT_VARIABLES, limitsOf } from "./limits.ts";

const read = (flags: Record<string, string>, env: Record<string, string> = {}) =>
  limitsOf(new Args([], new Map(Object.entries(flags))), env);

const FLAGS = Object.keys(LIMIT_FLAGS);
const GIB = 2 ** 30;

Deno.test("limitsOf() gives what is set, flags before the environment, and leaves the rest to the server", () => {
  assert.deepEqual(read({}), { limits: {}, work: {}, readers: {}, queue: {} });
  const env = Object.fromEntries(LIMIT_VARIABLES.map((name, i) => [name, String(i + 1)]));
  const expected = {
    limits: {
      connections: 1,
      connectionsPerAddress: 2,
      headerMs: 3000,
      idleMs: 4000,
      leastBytesPerSecond: 5,
      bodyMs: 6000,
      reads: 7,
      readsPerIdentity: 8,
    },
    work: { voxels: 9, memoryBytes: 10 * GIB, windows: 11, seconds: 12 },
    readers: { together: 13, memoryBytes: 14 * GIB, timeoutMs: 15_000, maxWaiting: 16 },
    queue: { waiting: 17, waitingEach: 18, queued: 19 },
  };
  assert.deepEqual(read({}, env), expected);
  assert.deepEqual(read({ "work-voxels": "90", "body-seconds": "1" }, env), {
    ...expected,
    limits: { ...expected.limits, bodyMs: 1000 },
    work: { ...expected.work, voxels: 90 },
  });
});

Deno.test("limitsOf() names the flag or variable that is wrong, with what it expects", () => {
  for (const [i, flag] of FLAGS.entries()) {
    const variable = LIMIT_VARIABLES[i], least = flag === "least-bytes-per-second" ? 0 : 1;
    for (const value of [String(least - 1), "999999999999", "1.5", "many"]) {
      const message = new RegExp(`: expected a whole number from ${least} to \\d+, got "${value}"$`);
      for (
        const [from, wrong] of [[`--${flag}`, () => read({ [flag]: value })], [
          variable,
          () => read({}, { [variable]: value }),
        ]] as const
      ) {
        assert.throws(
          wrong,
          (e) =>
            e instanceof Error && e.name === "UsageError" && e.message.startsWith(`Cannot use ${from}: `) &&
            message.test(e.message),
        );
      }
    }
    read({ [flag]: String(least) });
  }
});
