/**
 * Predicts the memory of running a graph on the processor, in a device child: with open sizes (`write/encode.ts`) on ONNX
 * Runtime's CPU provider, with stated ones on OpenVINO. Not a model of a GPU's memory.
 *
 * The model: a value's buffer exists from the node that makes it to its last use in the order of `runOrder()`. Reshape,
 * Identity and matrices that a product reads as columns share the buffer of their input; no other value shares one,
 * since ONNX Runtime reuses only buffers whose sizes it knows to be equal. The caller holds the inputs, old and new
 * state exist until the run ends, and each output is then copied for JavaScript. A measured factor stands for the
 * memory that kernels allocate and for gaps in the arena.
 */
import type { Graph, Node, OpName } from "../ir/ir.ts";
import { runOrder } from "./sequence.ts";
import { bytesOf } from "../../tensor/mod.ts";

export interface MemoryForecast {
  /** Highest resident memory of the device's process, bytes. */
  readonly peakBytes: number;
  /** Intermediate values and outputs that exist at that moment, bytes. */
  readonly valueBytes: number;
  /** The output of the node that runs at that moment. */
  readonly at: string;
}

/** The lifetime of a buffer: the positions of the node that makes it and of those that use it. */
export interface Lifetime {
  readonly bytes: number;
  readonly from: number;
  /** Where it is used, ascending; the number of nodes stands for the graph's outputs. */
  readonly uses: readonly number[];
}

/** The memory of a runtime's process beside the values of a graph. */
export interface MemoryModel {
  /** The process after its first run, without any graph, bytes. */
  readonly childBytes: number;
  /** Memory of a session for each node, bytes. */
  readonly nodeBytes: number;
  /** Copies of the constants while the graph is compiled, which then are one. */
  readonly compiling: number;
  /** Memory of the process for a byte of values. */
  readonly overhead: number;
  /** Most replaced state that the child has not collected yet, bytes. */
  readonly garbageBytes: number;
  /** Merges equal nodes: nothing can be computed twice to save memory. */
  readonly mergesEqual: boolean;
}

/** Measured: 72 MB when it opens, then 17 to 34 MB more; 6 to 8 kB a node; 1.28 to 1.44 in steps, 1.66 in a small forward. */
export const ONNX_RUNTIME_MEMORY: MemoryModel = {
  childBytes: 97e6,
  nodeBytes: 8e3,
  compiling: 1,
  overhead: 1.35,
  garbageBytes: 64 * 2 ** 20, // `engine/device/host.ts`
  mergesEqual: false,
};

/**
 * Measured: 160 MB before anything is compiled, 55 kB a node while it is, with 3 (mixed) or 4 copies of the constants; 1.25
 * bytes for a byte of values in steps, 1.5 in a small forward pass. Within 12 % in nine forward passes and steps.
 */
export const OPENVINO_MEMORY: MemoryModel = {
  childBytes: 165e6,
  nodeBytes: 55e3,
  compiling: 3.5,
  overhead: 1.3,
  garbageBytes: Infinity, // memory of outputs is kept for the next run
  mergesEqual: true,
};

const SHARES_BUFFER: ReadonlySet<OpName> = new Set<OpName>(["Identity", "Reshape"]);

/** Reports whether a transpose of matrices feeds products only: ONNX Runtime then reads rows as columns. */
function isReadAsColumns({ op, attrs }: Node, users: readonly OpName[]): boolean {
  if (op !== "Transpose") return false;
  const { perm } = attrs, last = perm.length - 1;
  const exchanges = perm.every((axis, i) => axis === (i === last ? last - 1 : i === last - 1 ? last : i));
  return exchanges && users.every((user) => user === "MatMul");
}

/** The value whose buffer each value shares; itself for most. */
export function buffersOf(order: readonly Node[]): (name: string) => string {
  const users = new Map<string, OpName[]>();
  for (const { op, inputs } of order) {
    for (const name of inputs) users.get(name)?.push(op) ?? users.set(name, [op]);
  }
  const shared = new Map<string, string>();
  const bufferOf = (name: string) => shared.get(name) ?? name;
  for (const node of order) {
    const shares = SHARES_BUFFER.has(node.op) || isReadAsColumns(node, users.get(node.output) ?? []);
    if (shares) shared.set(node.output, bufferOf(node.inputs[0]));
  }
  return bufferOf;
}

/** The lifetime of every buffer that running `order`, the nodes of `graph`, makes. */
export function lifetimesOf(graph: Graph, order: readonly Node[]): Map<string, Lifetime> {
  const bufferOf = buffersOf(order);
  const lives = new Map<string, { bytes: number; from: number; uses: number[] }>();
  order.forEach(({ inputs, output }, at) => {
    for (const name of inputs) {
      const uses = lives.get(bufferOf(name))?.uses;
      if (uses !== undefined && uses.at(-1) !== at) uses.push(at);
    }
    if (bufferOf(output) === output) {
      lives.set(output, { bytes: bytesOf(graph.types.get(output)!), from: at, uses: [] });
    }
  });
  for (const name of graph.outputs) lives.get(bufferOf(name))?.uses.push(order.length);
  return lives;
}

/** Bytes of all buffers that exist while node `i` runs. */
export function liveBytes(lives: ReadonlyMap<string, Lifetime>, nodes: number): Float64Array {
  const live = new Float64Array(nodes + 1);
  for (const { bytes, from, uses } of lives.values()) {
    live[from] += bytes;
    const after = (uses.at(-1) ?? from) + 1;
    if (after <= nodes) live[after] -= bytes;
  }
  for (let i = 1; i < nodes; i++) live[i] += live[i - 1];
  return live.subarray(0, nodes);
}

/** Predicts the peak memory of running `graph` repeatedly, each run's outputs replacing the next one's inputs. */
export function predictMemory(graph: Graph, model: MemoryModel = ONNX_RUNTIME_MEMORY): MemoryForecast {
  const order = runOrder(graph);
  const live = liveBytes(lifetimesOf(graph, order), order.length);
  const at = live.reduce((best, bytes, i) => (bytes > live[best] ? i : best), 0);
  const valueBytes = live[at] ?? 0;
  const total = (names: Iterable<string>) => [...names].reduce((sum, n) => sum + bytesOf(graph.types.get(n)!), 0);
  const outputs = total(graph.outputs), constants = total(graph.constants.keys());
  const values = Math.max(valueBytes * model.overhead + Math.min(outputs, model.garbageBytes), 2 * outputs);
  const running = total(graph.inputs) + constants + values;
  return {
    peakBytes: model.childBytes + model.nodeBytes * order.length + Math.max(running, model.compiling * constants),
    valueBytes,
    at: order[at]?.output ?? "",
  };
}
