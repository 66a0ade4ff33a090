import assert from "node:assert/strict";
import { crashOf } from "../../process/failures.ts";
import { engineErrorOf } from "./_failures.ts";
import { EngineError } from "../engine.ts";

/** What was thrown and what is said, from ONNX Runtime 1.30 and Deno 2.9. */
const CASES: readonly [thrown: unknown, code: string, message: string][] = [
  [new Error("std::bad_alloc"), "out-of-memory", "Cannot run the graph: out of memory (std::bad_alloc)"],
  [
    new Error(
      "/onnxruntime_src/core/bfc_arena.cc:359 void* onnxruntime::BFCArena::AllocateRawInternal(size_t) Failed to allocate memory for requested buffer of size 17592186044416",
    ),
    "out-of-memory",
    "Cannot run the graph: out of memory (…:359 void* onnxruntime::BFCArena::AllocateRawInternal(size_t) Failed to allocate memory for requested buffer of size 17592186044416)",
  ],
  [
    new RangeError("Array buffer allocation failed"),
    "out-of-memory",
    "Cannot run the graph: out of memory (Array buffer allocation failed)",
  ],
  [
    new Error(
      "failed to call OrtRun(). ERROR_CODE: 1, ERROR_MESSAGE: Non-zero status code: Conv3D does not support grouped convolution",
    ),
    "unsupported",
    "Cannot run the graph: Non-zero status code: Conv3D does not support grouped convolution",
  ],
  [
    new Error("Could not find an implementation for Foo(1) node with name ''"),
    "unsupported",
    "Cannot run the graph: Could not find an implementation for Foo(1) node with name ''",
  ],
  [
    new Error("Load model from /data/Smith^John/net.onnx failed:Protobuf parsing failed."),
    "failed",
    "Cannot run the graph: Load model from … failed:Protobuf parsing failed.",
  ],
  [new Error("open C:\\data\\Smith\\net.onnx:\n no"), "failed", "Cannot run the graph: open …: no"],
  [123456, "failed", "Cannot run the graph: native error 123456"],
  [new EngineError("unsupported", "as it is"), "unsupported", "as it is"],
];

Deno.test("engineErrorOf() finds the code and tells one line without paths", () => {
  for (const [thrown, code, message] of CASES) {
    const error = engineErrorOf(thrown, "run the graph");
    assert.deepEqual([error.code, error.message], [code, message]);
  }
  assert.ok(engineErrorOf(new Error("x".repeat(1000)), "run").message.length < 320);
  const path = "/data/Smith John.onnx";
  assert.equal(engineErrorOf(new Error(`no file ${path}`), "load", path).message, "Cannot load: no file …");
});

Deno.test("crashOf() tells exit codes and signals, and lack of memory where it may be", () => {
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
