import assert from "node:assert/strict";
import { ProcessError, RemoteError } from "../../process/mod.ts";
import { engineErrorOf, errorOfProcess, hasNoMemory } from "./failures.ts";
import { EngineError } from "../errors.ts";

/** Errors of ONNX Runtime 1.30, OpenVINO 2026.4 and Deno 2.9, and what becomes of them. */
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
  [
    new Error(
      "Exception from src/inference/src/cpp/core.cpp:84:\nException from src/inference/src/model_reader.cpp:148:\nUnable to read the model",
    ),
    "failed",
    "Cannot run the graph: Unable to read the model",
  ],
  [
    new Error("[CPU] Broadcast node with name 'y' Can not clone DnnlBlockedMemoryDesc with dims: {2097152, 2097152}"),
    "out-of-memory",
    "Cannot run the graph: out of memory ([CPU] Broadcast node with name 'y' Can not clone DnnlBlockedMemoryDesc with dims: {2097152, 2097152})",
  ],
  [new Error("open C:\\data\\Smith\\net.onnx:\n no"), "failed", "Cannot run the graph: open …: no"],
  [123456, "failed", "Cannot run the graph: native error 123456"],
  [new EngineError("unsupported", "unchanged"), "unsupported", "unchanged"],
];

Deno.test("engineErrorOf() finds the code and repeats one line without paths", () => {
  for (const [thrown, code, message] of CASES) {
    const error = engineErrorOf(thrown, "run the graph");
    assert.deepEqual([error.code, error.message], [code, message]);
  }
  assert.ok(engineErrorOf(new Error("x".repeat(1000)), "run").message.length < 320);
  const path = "/data/Smith John.onnx";
  assert.equal(engineErrorOf(new Error(`no file ${path}`), "load", path).message, "Cannot load: no file …");
});

Deno.test("errorOfProcess() gives the code and sentence of a process that ended or threw, and other errors unchanged", () => {
  const cases: readonly [thrown: unknown, code: string][] = [
    [new ProcessError("timeout", "too long"), "timeout"],
    [new RemoteError("EngineError", "unsupported", "too long"), "unsupported"],
    [new RemoteError("EngineError", undefined, "too long"), "failed"],
  ];
  for (const [thrown, code] of cases) {
    const error = errorOfProcess(thrown);
    assert.ok(error instanceof EngineError);
    assert.deepEqual([error.code, error.message, error.cause], [code, "too long", thrown]);
  }
  for (const other of [new TypeError("mine"), new RemoteError("OddError", "odd", "no")]) {
    assert.equal(errorOfProcess(other), other);
  }
});

Deno.test("hasNoMemory() knows the words of native libraries, and those of every process", () => {
  for (const words of ["CUDNN_STATUS_ALLOC_FAILED", "Aborted(OOM)", "exceeds the max buffer size", "std::bad_alloc"]) {
    assert.ok(hasNoMemory(words), words);
  }
  assert.equal(hasNoMemory("Protobuf parsing failed"), false);
});
