/**
 * Runs the updates of a training on the device, one micro-batch a call. Where the device does not hold the state between
 * calls, one call does many updates. The next micro-batches are drawn meanwhile. Knows nothing of checkpoints.
 */
import type { RunOptions, Session } from "../../engine/mod.ts";
import { bytesOf, type Tensor, tensor } from "../../tensor/mod.ts";
import { encodeLoop, encodeModel, LOOP_NAMES } from "../../graph/mod.ts";
import { joined } from "../data/crops.ts";
import { aheadOf, DrawnAhead } from "./drawn_ahead.ts";
import type { LoopEvent, LoopOptions } from "./options.ts";
import type { MicroBatch, Program } from "./program.ts";

/** A call that takes longer than this has hung. */
const CALL_TIMEOUT_MS = 3_600_000;

/** Bytes of feeds that one call takes; 0: every micro-batch is a call. */
export const spanBytesOf = ({ engine, stop }: Pick<LoopOptions, "engine" | "stop">): number =>
  stop === undefined ? engine.traits.spanBytes : 0;

export type Done = Pick<LoopEvent, "learningRate" | "values">;

/** The calls of one training: its sessions, and the micro-batches that are drawn ahead. */
export class DeviceCalls {
  readonly #options: LoopOptions;
  readonly #spanBytes: number;
  readonly #sessions = new Map<Program, Session>();
  readonly #drawn: DrawnAhead;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#spanBytes = spanBytesOf(options);
    this.#drawn = new DrawnAhead(options);
  }

  /** Time in which no call could begin because its samples were not drawn yet. */
  get waitedMs(): number {
    return this.#drawn.waitedMs;
  }

  /** Runs update `step`, and those after it that the same call does: up to the next checkpoint. */
  async run(step: number): Promise<Done[]> {
    const { update, steps, checkpointEverySteps } = this.#options;
    const { learningRate, count } = update(step);
    if (this.#spanBytes === 0) return [{ learningRate, values: await this.#one(step) }];
    const first = await this.#drawn.next(step, 0);
    const isAlone = first.tensorOf !== undefined || (count > 1 && !first.program.isForAll);
    if (isAlone) return [{ learningRate, values: await this.#one(step, first) }];
    const until = Math.min(steps, step - step % checkpointEverySteps + checkpointEverySteps);
    return await this.#span(step, { first, count, most: until - step });
  }

  /** Releases the sessions, and the state of these names. */
  async end(names: readonly string[]): Promise<void> {
    await this.#drawn.end();
    const { engine } = this.#options;
    try {
      for (const session of this.#sessions.values()) await session.release();
      for (const name of names) await engine.drop(name);
    } catch { /* the child is gone with all that it held; the first error is the one that counts */ }
  }

  /** Runs one update, a call for each of its micro-batches. */
  async #one(step: number, drawn?: MicroBatch): Promise<Done["values"]> {
    const { update, curves } = this.#options;
    const { count } = update(step);
    const values: Record<string, number>[] = [];
    for (let i = 0; i < count; i++) {
      const batch = drawn ?? await this.#drawn.next(step, i);
      drawn = undefined;
      const session = await this.#sessionOf(
        batch.program,
        ({ graph }) => encodeModel(graph, { openSizes: this.#options.engine.traits.sizesAreOpen }),
      );
      const started = Promise.withResolvers<void>();
      const running = runMicroBatch(session, batch, { fetch: curves, onStart: started.resolve });
      this.#drawn.drawDuring(Promise.race([started.promise, running]), aheadOf(batch));
      const outputs = await running;
      values.push({ ...Object.fromEntries(curves.map((c) => [c, Number(outputs[c].data[0])])), ...batch.values });
    }
    return meanOf(values);
  }

  /** Runs up to `most` updates of one program as one call, as many as their feeds allow. */
  async #span(
    step: number,
    { first, count, most }: { first: MicroBatch; count: number; most: number },
  ): Promise<Done[]> {
    const { update, curves } = this.#options;
    const size = count * Object.values(first.feeds).reduce((n, t) => n + bytesOf(t), 0);
    const updates = Math.max(Math.min(most, Math.floor(this.#spanBytes / size)), 1);
    const batches = [first];
    while (batches.length < updates * count) {
      const next = await this.#drawn.next(step + Math.floor(batches.length / count), batches.length % count);
      if (next.program !== first.program) {
        this.#drawn.putBack(next);
        break;
      }
      batches.push(next);
    }
    const done = batches.length / count;
    const session = await this.#sessionOf(first.program, ({ graph, state }) => encodeLoop(graph, state));
    const started = Promise.withResolvers<void>();
    const running = runSpan(session, batches, { fetch: curves, onStart: started.resolve });
    this.#drawn.drawDuring(Promise.race([started.promise, running]), batches.length);
    const outputs = await running;
    return Array.from({ length: done }, (_, k) => {
      const values = batches.slice(k * count, (k + 1) * count).map((batch, i) => ({
        ...Object.fromEntries(curves.map((c) => [c, Number(outputs[c].data[k * count + i])])),
        ...batch.values,
      }));
      return { learningRate: update(step + k).learningRate, values: meanOf(values) };
    });
  }

  async #sessionOf(program: Program, encoded: (program: Program) => Uint8Array): Promise<Session> {
    const known = this.#sessions.get(program) ??
      await this.#options.engine.load(encoded(program), { keepMemory: true });
    this.#sessions.set(program, known);
    return known;
  }
}

/** The means of an update's micro-batches, by name. */
function meanOf(values: readonly Readonly<Record<string, number>>[]): Done["values"] {
  const sums: Record<string, number> = {};
  for (const [name, value] of values.flatMap((v) => Object.entries(v))) {
    sums[name] = (sums[name] ?? 0) + value / values.length;
  }
  return sums;
}

async function runMicroBatch(
  session: Session,
  { program: { graph, state }, feeds, tensorOf = (name) => name }: MicroBatch,
  { fetch, onStart }: Pick<RunOptions, "onStart"> & { readonly fetch: readonly string[] },
): Promise<Record<string, Tensor>> {
  const held = graph.inputs.filter((name) => !(name in feeds));
  const residents = Object.fromEntries(held.map((name) => [name, { resident: tensorOf(name) }]));
  const keep = Object.fromEntries([...state].map(([input, output]) => [output, tensorOf(input)]));
  return await session.run({ ...feeds, ...residents }, { keep, fetch, onStart, timeoutMs: CALL_TIMEOUT_MS });
}

/** Runs micro-batches one after the other in one call, and fetches one number from each. */
async function runSpan(
  session: Session,
  batches: readonly MicroBatch[],
  { fetch, onStart }: Pick<RunOptions, "onStart"> & { readonly fetch: readonly string[] },
): Promise<Record<string, Tensor>> {
  const [{ program: { state }, feeds }] = batches;
  const { count, start, end, each } = LOOP_NAMES;
  const stacks = Object.keys(feeds).map((name) => [each(name), stack(batches.map((b) => b.feeds[name]))]);
  const residents = [...state.keys()].map((name) => [start(name), { resident: name }]);
  const outputs = await session.run(
    {
      [count]: tensor("int64", [], [batches.length]),
      ...Object.fromEntries(stacks),
      ...Object.fromEntries(residents),
    },
    {
      keep: Object.fromEntries([...state].map(([input, output]) => [end(output), input])),
      fetch: fetch.map(each),
      onStart,
      timeoutMs: CALL_TIMEOUT_MS,
    },
  );
  return Object.fromEntries(fetch.map((name) => [name, outputs[each(name)]]));
}

/** Float32 tensors of one shape along a new first axis. */
function stack(tensors: readonly Tensor[]): Tensor {
  const [{ shape, dtype }] = tensors;
  return tensor(dtype, [tensors.length, ...shape], joined(tensors.map((t) => t.data as Float32Array)));
}
