/**
 * Re-materialisation: computes values again that were computed early and are needed late, instead of keeping them in
 * between. Works on any graph and knows neither layers nor gradients: it frees buffers that are idle at the peak.
 */
import { type Graph, type Node, rewired } from "../ir/ir.ts";
import { buffersOf, type Lifetime, lifetimesOf, liveBytes, type MemoryForecast, predictMemory } from "./memory.ts";
import { costOf } from "./cost.ts";
import { runOrder } from "./sequence.ts";

export interface Rematerialised {
  readonly graph: Graph;
  /** How many nodes are computed again. */
  readonly recomputed: number;
  /** Their estimated share of the graph's time. */
  readonly extraCost: number;
  readonly before: MemoryForecast;
  readonly after: MemoryForecast;
}

/** Thrown where no graph with the same results fits the budget; `least` is the one that takes the least memory. */
export class MemoryBudgetError extends RangeError {
  override readonly name = "MemoryBudgetError";
  constructor(readonly least: Rematerialised, budgetBytes: number) {
    const gb = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
    super(`Cannot run ${least.graph.name} in ${gb(budgetBytes)}: the least found is ${gb(least.after.peakBytes)}`);
  }
}

/** The search ends after so many rounds without a lower peak. */
const PATIENCE = 24;
/**
 * Most that a round frees, as a share of the values. Small steps find the cheapest ways; each idle round doubles it.
 */
const STEP = 0.05;

/**
 * Returns a graph with the same results whose predicted peak is at most `budgetBytes`. It computes again the buffers
 * that free most memory for their cost, at most the share `extraCost` of the graph's time. ONNX Runtime must not merge
 * equal nodes (`engine/runtimes/ort.ts`).
 * @throws {MemoryBudgetError} no such graph was found
 */
export function rematerialise(
  graph: Graph,
  { budgetBytes, extraCost = Infinity }: { readonly budgetBytes: number; readonly extraCost?: number },
): Rematerialised {
  const before = predictMemory(graph);
  const total = (nodes: readonly Node[], g: Graph) => nodes.reduce((sum, node) => sum + costOf(node, g.types), 0);
  const found = (result: Graph, after: MemoryForecast): Rematerialised => ({
    graph: result,
    recomputed: result.nodes.length - graph.nodes.length,
    extraCost: total(result.nodes, result) / total(graph.nodes, graph) - 1,
    before,
    after,
  });
  let current = graph, forecast = before, best = found(graph, before);
  for (let idle = 0; idle < PATIENCE && forecast.peakBytes > budgetBytes; idle++) {
    const excess = Math.min(forecast.peakBytes - budgetBytes, STEP * 2 ** idle * forecast.valueBytes);
    const next = relieve(current, forecast.valueBytes - excess);
    if (next === null) break;
    current = next;
    forecast = predictMemory(current);
    const made = found(current, forecast);
    if (made.extraCost > extraCost) break;
    if (forecast.peakBytes >= best.after.peakBytes) continue;
    best = made;
    idle = -1;
  }
  if (best.after.peakBytes > budgetBytes) throw new MemoryBudgetError(best, budgetBytes);
  return best;
}

/** A buffer that is idle at the peak, and the nodes that make it again afterwards. */
interface Candidate {
  readonly buffer: string;
  /** The nodes that make its values again, in order. */
  readonly nodes: readonly Node[];
  /** Other buffers that these nodes read, which must not be freed at the same time. */
  readonly reads: ReadonlySet<string>;
  /** Bytes freed at the peak. */
  readonly freed: number;
  /** Cost of a freed byte. */
  readonly price: number;
}

/** One round: frees buffers at the peak until `target` bytes are left; null where no buffer can be freed. */
export function relieve(graph: Graph, target: number): Graph | null {
  const state = stateAtPeak(graph);
  const { live, peak } = state;
  const candidates = [...state.lives]
    .filter(([, life]) => life.bytes >= live[peak] / 2000 && isIdle(life, peak))
    .flatMap(([buffer]) => candidateOf(state, buffer) ?? [])
    .sort((a, b) => a.price - b.price);
  const gone = new Set<string>(), read = new Set<string>();
  const chosen: Candidate[] = [];
  let excess = live[peak] - target;
  for (const candidate of candidates) {
    if (excess <= 0) break;
    if (read.has(candidate.buffer) || [...candidate.reads].some((buffer) => gone.has(buffer))) continue;
    gone.add(candidate.buffer);
    candidate.reads.forEach((buffer) => read.add(buffer));
    chosen.push(candidate);
    excess -= candidate.freed;
  }
  return chosen.length === 0 ? null : withCopies(state, chosen);
}

interface State {
  readonly graph: Graph;
  readonly order: readonly Node[];
  readonly makers: ReadonlyMap<string, Node>;
  readonly bufferOf: (name: string) => string;
  readonly lives: ReadonlyMap<string, Lifetime>;
  readonly live: Float64Array;
  /** Position of the peak. */
  readonly peak: number;
  /** Names that nodes after the peak read, by buffer. */
  readonly readLater: ReadonlyMap<string, ReadonlySet<string>>;
}

function stateAtPeak(graph: Graph): State {
  const order = runOrder(graph);
  const lives = lifetimesOf(graph, order), live = liveBytes(lives, order.length), bufferOf = buffersOf(order);
  const peak = live.reduce((best, bytes, i) => (bytes > live[best] ? i : best), 0);
  const readLater = new Map<string, Set<string>>();
  for (const { inputs } of order.slice(peak + 1)) {
    for (const name of inputs) readLater.set(bufferOf(name), (readLater.get(bufferOf(name)) ?? new Set()).add(name));
  }
  const makers = new Map(graph.nodes.map((node) => [node.output, node]));
  return { graph, order, makers, bufferOf, lives, live, peak, readLater };
}

/** Reports whether a buffer exists at the peak but is neither made nor used then. */
function isIdle({ from, uses }: Lifetime, peak: number): boolean {
  return from < peak && uses.at(-1)! > peak && !uses.includes(peak);
}

/** Inputs of at most this part of a buffer's size are kept, not computed again with it. */
const SMALL = 1 / 16;
/** Most nodes that make one buffer again. */
const LONGEST = 128;

/** The nodes that make a buffer again before its first use after the peak; null where that frees nothing. */
function candidateOf(state: State, buffer: string): Candidate | null {
  const { graph, makers, bufferOf, lives, live, peak } = state;
  const { bytes, uses } = lives.get(buffer)!;
  const again = uses.find((at) => at > peak)!;
  if (again >= state.order.length) return null;
  const reads = new Set<string>(), nodes = new Map<string, Node>();
  let freed = bytes;
  const visit = (name: string): boolean => {
    if (nodes.has(name)) return true;
    if (nodes.size >= LONGEST) return false;
    const node = makers.get(name)!;
    for (const input of node.inputs) {
      const source = bufferOf(input), life = lives.get(source);
      if (life === undefined) continue; // absent, an input of the graph or a constant
      const isGone = (life.uses.at(-1) ?? life.from) < peak;
      if (source === buffer || (isGone && life.bytes > SMALL * bytes)) {
        if (!visit(input)) return false;
      } else {
        reads.add(source);
        if (isGone) freed -= life.bytes;
      }
    }
    nodes.set(name, node);
    return true;
  };
  if (![...state.readLater.get(buffer)!].every(visit)) return null;
  const chain = [...nodes.values()];
  if (freed <= 0 || live[again] + passing(state, chain, buffer) >= live[peak]) return null;
  const cost = chain.reduce((sum, node) => sum + costOf(node, graph.types), 0);
  return { buffer, nodes: chain, reads, freed, price: cost / freed };
}

/** Largest number of bytes of other buffers that exist while `chain` makes `buffer`. */
function passing({ bufferOf, lives }: State, chain: readonly Node[], buffer: string): number {
  const last = new Map<string, number>();
  chain.forEach(({ inputs, output }, at) => [...inputs, output].forEach((name) => last.set(bufferOf(name), at)));
  const made = new Set<string>();
  let now = 0, most = 0;
  chain.forEach(({ inputs, output }, at) => {
    const touched = new Set([...inputs, output].map(bufferOf));
    const bytes = (name: string) => (name === buffer ? 0 : lives.get(name)!.bytes);
    const target = bufferOf(output);
    if (!made.has(target)) now += bytes(target);
    made.add(target);
    most = Math.max(most, now);
    for (const name of touched) if (made.has(name) && last.get(name) === at) now -= bytes(name);
  });
  return most;
}

/**
 * The graph with the chosen buffers made again for all uses after the peak, without nodes that no output needs any
 * more. A copy stands in the file as early as its inputs allow: of a node's inputs it then runs last (`runOrder()`).
 */
function withCopies({ graph, order, peak }: State, chosen: readonly Candidate[]): Graph {
  const types = new Map(graph.types), places = new Map(graph.nodes.map(({ output }, i) => [output, i]));
  const copies = new Map<number, Node[]>(), later = new Map<string, string>();
  for (const { nodes } of chosen) {
    const names = new Map<string, string>();
    for (const node of nodes) {
      const output = freshName(node.output, types), inputs = node.inputs.map((name) => names.get(name) ?? name);
      const place = Math.max(-1, ...inputs.map((name) => places.get(name) ?? -1));
      types.set(output, types.get(node.output)!);
      places.set(output, place);
      copies.set(place, [...copies.get(place) ?? [], rewired(node, { inputs, output })]);
      names.set(node.output, output);
    }
    for (const [name, output] of names) later.set(name, output);
  }
  const isLate = new Set(order.slice(peak + 1));
  const nodes = graph.nodes.flatMap((node, i) => {
    const inputs = isLate.has(node) ? node.inputs.map((name) => later.get(name) ?? name) : node.inputs;
    return [rewired(node, { inputs, output: node.output }), ...copies.get(i) ?? []];
  });
  return needed(graph, { nodes: [...copies.get(-1) ?? [], ...nodes], types });
}

/** The graph of those of `all.nodes` that an output needs. */
function needed({ name, inputs, outputs, constants }: Graph, all: Pick<Graph, "nodes" | "types">): Graph {
  const names = new Set(outputs);
  const nodes = all.nodes.toReversed().filter(({ inputs, output }) => {
    if (!names.has(output)) return false;
    for (const name of inputs) names.add(name);
    return true;
  }).reverse();
  const held = [...inputs, ...constants.keys(), ...nodes.map(({ output }) => output)];
  const types = new Map(held.map((value) => [value, all.types.get(value)!]));
  return { name, inputs, outputs, constants, nodes, types };
}

function freshName(name: string, taken: ReadonlyMap<string, unknown>): string {
  const stem = name.replace(/~\d+$/, "");
  for (let i = 1;; i++) if (!taken.has(`${stem}~${i}`)) return `${stem}~${i}`;
}
