/** Measures a device: the times of the forms between which the compiler chooses. Not a benchmark of networks. */
import {
  type Cost,
  type Costs,
  encodeModel,
  type Graph,
  idleGraph,
  lower,
  type Trial,
  trialsOf,
} from "../../graph/mod.ts";
import { sizeOf, tensor, type TensorType } from "../../tensor/mod.ts";
import { type CostTable, costTable, type Work, WORKS } from "./cost_table.ts";
import type { Engine } from "../engine.ts";
import { EngineError } from "../errors.ts";

export interface CalibrateOptions {
  /** The choices to measure; default: all those of the provider's passes. */
  readonly trials?: readonly Trial[];
  /** Whole work to time afterwards, in the forms that were found: `auto` compares providers by it. */
  readonly work?: Readonly<Record<Work, Graph>>;
  /** Called before each trial, and once more at the end. */
  readonly onTrial?: (done: number, of: number) => void;
  readonly signal?: AbortSignal;
  /** Returns milliseconds; for tests. */
  readonly clock?: () => number;
}

/** Forms are timed in turns, since the speed of a machine drifts. A turn ends after this many runs or this time. */
const TURN_RUNS = 8;
const TURN_MS = 100;
/** Turns that each form gets. */
const LEAST_TURNS = 3;
/** More turns may follow for this long, until the faster form is known. */
const MORE_TURNS_MS = 2000;
/** Runs agree when the third fastest takes at most this share longer than the fastest. */
const AGREEMENT = 0.05;
/** A run repeats shorter work several times, since reaching the device itself takes a part of a millisecond. */
const SHORT_MS = 4;
const MOST_COPIES = 32;
/** Limits those copies where loading them takes long, as on a device that searches for its own best form of each. */
const READY_MS = 1000;
/** Longer work is not timed again where the other form takes less than `CLEAR` of its time. */
const LONG_MS = 250;
const CLEAR = 0.25;
/** A form that takes longer counts as refused. */
const RUN_TIMEOUT_MS = 5000;
/** The resolution of the clock. */
const LEAST_MS = 0.001;

export interface Calibration {
  readonly table: CostTable;
  /** Kinds without a result: their forms differ less than the runs of one form, which other work disturbed. */
  readonly unsteady: readonly string[];
}

/**
 * Measures the device of `engine`.
 * @throws {EngineError} the device fails even at an empty graph
 * @throws the signal's reason
 */
export async function calibrate(engine: Engine, options: CalibrateOptions = {}): Promise<Calibration> {
  const { trials = trialsOf(engine.lowering.passes), work, onTrial, signal, clock = () => performance.now() } = options;
  const works = work === undefined ? [] : WORKS, steps = trials.length + works.length;
  const kinds: Record<string, Cost> = {};
  const unsteady: string[] = [];
  const idle = async () => (await oneTurn(engine, idleGraph(), clock)).runsMs;
  const idleMs = Math.min(...await idle(), ...await idle());
  for (const [i, trial] of trials.entries()) {
    signal?.throwIfAborted();
    onTrial?.(i, steps);
    const cost = await costOf(engine, trial, { costs: kinds, idleMs, clock });
    if (cost === undefined) unsteady.push(trial.key);
    else kinds[trial.key] = cost;
  }
  const workMs: Partial<Record<Work, number>> = {};
  for (const [i, name] of works.entries()) {
    signal?.throwIfAborted();
    onTrial?.(trials.length + i, steps);
    const ms = await timeOfWork(engine, work![name], { costs: kinds, clock });
    if (ms !== Infinity) workMs[name] = ms;
  }
  onTrial?.(steps, steps);
  return { table: costTable(engine, kinds, work && workMs), unsteady };
}

/** Runs of whole work: the fastest counts. */
const WORK_RUNS = 3;
const WORK_TIMEOUT_MS = 120_000;

/** Returns the time of one run of a graph whose inputs lie on the device; Infinity where the device cannot do it. */
async function timeOfWork(
  engine: Engine,
  graph: Graph,
  { costs, clock }: Pick<Circumstances, "costs" | "clock">,
): Promise<number> {
  const lowered = lower(graph, { ...engine.lowering, costs }).graph;
  const [first, ...others] = lowered.outputs;
  const keep = Object.fromEntries(others.map((name) => [name, `${name}, made`]));
  const timed = await refusable(async () => {
    const session = await engine.load(encodeModel(lowered, { openSizes: engine.traits.sizesAreOpen }), {
      keepMemory: true,
    });
    try {
      const feeds: Record<string, { resident: string }> = {};
      for (const name of lowered.inputs) {
        await engine.put(name, ones(lowered.types.get(name)!));
        feeds[name] = { resident: name };
      }
      const runsMs: number[] = [];
      for (let run = 0; run <= WORK_RUNS; run++) {
        const start = clock();
        await session.run(feeds, { keep, fetch: [first], timeoutMs: WORK_TIMEOUT_MS });
        runsMs.push(clock() - start);
      }
      return { readyMs: runsMs[0], runsMs: runsMs.slice(1) };
    } finally {
      await session.release();
      for (const name of [...lowered.inputs, ...Object.values(keep)]) await engine.drop(name);
    }
  });
  return Math.min(...timed.runsMs);
}

function ones({ dtype, shape }: TensorType) {
  return tensor(dtype, shape, Array<number>(sizeOf(shape)).fill(1));
}

interface Circumstances {
  readonly costs: Costs;
  readonly idleMs: number;
  readonly clock: () => number;
}

/** Returns the time of a trial's sample in both forms; undefined where the runs do not show which one is faster. */
async function costOf(
  engine: Engine,
  trial: Trial,
  { costs, idleMs, clock }: Circumstances,
): Promise<Cost | undefined> {
  const timed = async (copies: number, leastTurns: number) => {
    const graphs = trial.graphs(copies, costs);
    const found = await inTurns(engine, [graphs.without, graphs.with], { leastTurns, clock });
    const [withoutMs, withMs] = found.map(({ runsMs }) => Math.max((runsMs[0] - idleMs) / copies, LEAST_MS));
    return {
      cost: { withoutMs, withMs },
      known: isKnown(found),
      readyMs: Math.max(...found.map((t) => t.readyMs)),
    };
  };
  const { cost, readyMs } = await timed(1, 1);
  const [faster, slower] = [cost.withoutMs, cost.withMs].sort((a, b) => a - b);
  if (slower > LONG_MS && faster < CLEAR * slower) return cost;
  const wanted = Math.ceil(SHORT_MS / faster);
  const copies = Math.min(wanted, MOST_COPIES, Math.floor(READY_MS / readyMs));
  const again = await timed(Math.max(copies, 1), LEAST_TURNS);
  return again.known ? again.cost : undefined;
}

interface Times {
  /** Loading and the first run, once. */
  readonly readyMs: number;
  /** The runs after the first, the fastest first; Infinity: the device refuses the graph. */
  readonly runsMs: readonly number[];
}

async function inTurns(
  engine: Engine,
  graphs: readonly Graph[],
  { leastTurns, clock }: { leastTurns: number; clock: () => number },
): Promise<Times[]> {
  const times = graphs.map((): Times => ({ readyMs: 0, runsMs: [] }));
  const end = clock() + MORE_TURNS_MS;
  for (let turn = 0; turn < leastTurns || (leastTurns > 1 && clock() < end && !isKnown(times)); turn++) {
    for (const [i, graph] of graphs.entries()) {
      const { runsMs: before } = times[i];
      if (before[0] === Infinity) continue;
      const { readyMs, runsMs } = await refusable(() => oneTurn(engine, graph, clock));
      times[i] = { readyMs, runsMs: [...before, ...runsMs].sort((a, b) => a - b) };
    }
  }
  return times;
}

function isKnown(times: readonly Times[]): boolean {
  const [faster, slower] = times.map(({ runsMs }) => runsMs).sort((a, b) => a[0] - b[0]);
  const agree = ([first, , third]: readonly number[]) => first === Infinity || third <= first * (1 + AGREEMENT);
  return (agree(faster) && agree(slower)) || faster[2] * (1 + AGREEMENT) < slower[0];
}

async function refusable(work: () => Promise<Times>): Promise<Times> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof EngineError && error.code !== "closed") return { readyMs: 0, runsMs: [Infinity] };
    throw error;
  }
}

async function oneTurn(engine: Engine, graph: Graph, clock: () => number): Promise<Times> {
  const model = encodeModel(graph);
  const start = clock();
  const session = await engine.load(model, { keepMemory: true });
  const run = async (): Promise<number> => {
    const start = clock();
    await session.run({ x: tensor("float32", [], [1]) }, { timeoutMs: RUN_TIMEOUT_MS });
    return clock() - start;
  };
  try {
    await run();
    const readyMs = clock() - start;
    const end = clock() + TURN_MS, runsMs: number[] = [];
    do runsMs.push(await run()); while (runsMs.length < TURN_RUNS && clock() < end);
    return { readyMs, runsMs };
  } finally {
    await session.release();
  }
}
