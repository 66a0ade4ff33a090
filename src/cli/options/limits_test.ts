import assert from "node:assert/strict";
import { Args } from "../terminal/args.ts";
import { LIMIT_FLAGS, limitsOf } from "./limits.ts";

const read = (flags: Record<string, string>, env: Record<string, string> = {}) =>
  limitsOf(new Args([], new Map(Object.entries(flags))), env);

Deno.test("limitsOf() gives what is set, flags before the environment, and leaves the rest to the server", () => {
  assert.deepEqual(read({}), {});
  const env = {
    SULCUS_MAX_CONNECTIONS: "7",
    SULCUS_MAX_CONNECTIONS_PER_ADDRESS: "3",
    SULCUS_HEADER_SECONDS: "5",
    SULCUS_IDLE_SECONDS: "6",
    SULCUS_LEAST_BYTES_PER_SECOND: "0",
    SULCUS_BODY_SECONDS: "604800",
  };
  const expected = {
    connections: 7,
    connectionsPerAddress: 3,
    headerMs: 5000,
    idleMs: 6000,
    leastBytesPerSecond: 0,
    bodyMs: 604_800_000,
  };
  assert.deepEqual(read({}, env), expected);
  assert.deepEqual(read({ "max-connections": "9", "body-seconds": "1" }, env), {
    ...expected,
    connections: 9,
    bodyMs: 1000,
  });
});

Deno.test("limitsOf() names the flag or variable that is wrong, with what it expects", () => {
  for (
    const [flag, least, most] of [
      ["max-connections", 1, 100_000],
      ["max-connections-per-address", 1, 100_000],
      ["header-seconds", 1, 3600],
      ["idle-seconds", 1, 3600],
      ["least-bytes-per-second", 0, 100_000_000],
      ["body-seconds", 1, 604_800],
    ] as const satisfies readonly (readonly [keyof typeof LIMIT_FLAGS, number, number])[]
  ) {
    const env = `SULCUS_${flag.toUpperCase().replaceAll("-", "_")}`;
    for (const value of [String(least - 1), String(most + 1), "1.5", "many"]) {
      const message = (from: string) =>
        `Cannot use ${from}: expected a whole number from ${least} to ${most}, got "${value}"`;
      assert.throws(() => read({ [flag]: value }), { name: "UsageError", message: message(`--${flag}`) });
      assert.throws(() => read({}, { [env]: value }), { name: "UsageError", message: message(env) });
    }
    read({ [flag]: String(least) });
    read({ [flag]: String(most) });
  }
});
