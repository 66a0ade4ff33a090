import assert from "node:assert/strict";
import { crashOf } from "./failures.ts";

Deno.test("crashOf() names exit codes and signals, and lack of memory where it may be the reason", () => {
  const status = (code: number, signal: Deno.Signal | null) => ({ success: false, code, signal });
  const cases: [status: Deno.CommandStatus, stderr: string, code: string, message: string][] = [
    [status(1, null), "", "crashed", "The device ended unexpectedly with exit code 1"],
    [status(139, "SIGSEGV"), "", "crashed", "The device ended unexpectedly with signal SIGSEGV"],
    [
      status(137, null),
      "",
      "crashed",
      "The device ended unexpectedly with exit code 137, perhaps killed by the system for lack of memory",
    ],
    [
      status(133, "SIGTRAP"),
      "Fatal JavaScript out of memory: CALL_AND_RETRY_LAST",
      "out-of-memory",
      "The device ran out of memory and ended with signal SIGTRAP",
    ],
  ];
  for (const [given, stderr, code, message] of cases) {
    const error = crashOf("the device", given, { stderr, memoryKilled: false });
    assert.deepEqual([error.code, error.message], [code, message]);
  }
  const codeWhere = (given: Deno.CommandStatus) =>
    crashOf("the device", given, { stderr: "", memoryKilled: true }).code;
  assert.deepEqual(
    [status(137, "SIGKILL"), status(137, null), status(139, "SIGSEGV")].map(codeWhere),
    ["out-of-memory", "out-of-memory", "crashed"],
  );
});

Deno.test("crashOf() says where somebody else ended a process, and not where its own faults did", () => {
  const status = (code: number, signal: Deno.Signal | null) => ({ success: false, code, signal });
  const isFromOutside = (given: Deno.CommandStatus, stderr = "") =>
    crashOf("the device", given, { stderr, memoryKilled: true }).fromOutside;
  for (const signal of ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"] as const) assert.ok(isFromOutside(status(1, signal)));
  assert.ok(isFromOutside(status(137, null)));
  for (const signal of ["SIGSEGV", "SIGABRT", "SIGTRAP", "SIGBUS", "SIGILL"] as const) {
    assert.ok(!isFromOutside(status(1, signal)));
  }
  assert.ok(!isFromOutside(status(1, null)));
  assert.ok(!isFromOutside(status(133, "SIGTRAP"), "Fatal JavaScript out of memory"));
});
