/**
 * Predicts the memory of running a graph with open sizes (`write/encode.ts`) on ONNX Runtime's CPU provider in a device
 * child. Not a model of a GPU's memory.
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

/** A child after its first run, without any graph, bytes (measured: 72 MB when it opens, then 17 to 34 MB more). */
const CHILD_BYTES = 97e6;
/** Memory of a session for each node, bytes (measured at loading: 6 to 8 kB in steps of 7 to 17 thousand nodes). */
const NODE_BYTES = 8e3;
/** Most replaced state that the child has not collected yet, bytes (`engine/device/host.ts`). */
const GARBAGE_BYTES = 64 * 2 ** 20;
/** Memory of the process for a byte of values (measured: 1.28 to 1.44 in steps, 1.66 in a small forward pass). */
const OVERHEAD = 1.35;

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
export function predictMemory(graph: Graph): MemoryForecast {
  const order = runOrder(graph);
  const live = liveBytes(lifetimesOf(graph, order), order.length);
  const at = live.reduce((best, bytes, i) => (bytes > live[best] ? i : best), 0);
  const valueBytes = live[at] ?? 0;
  const total = (names: Iterable<string>) => [...names].reduce((sum, n) => sum + bytesOf(graph.types.get(n)!), 0);
  const outputs = total(graph.outputs);
  const held = CHILD_BYTES + NODE_BYTES * order.length + total(graph.inputs) + total(graph.constants.keys());
  return {
    peakBytes: held + Math.max(valueBytes * OVERHEAD + Math.min(outputs, GARBAGE_BYTES), 2 * outputs),
    valueBytes,
    at: order[at]?.output ?? "",
  };
}
