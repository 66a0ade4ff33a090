/**
 * The one training loop: runs step graphs many times on an engine. State stays on the device, checkpoints go to disk; a
 * killed run resumes from its last one along the same trajectory. Knows neither losses nor data: a function returns the
 * micro-batches of every update by its number.
 */
import { join } from "node:path";
import { sameShape, type Tensor } from "../../tensor/mod.ts";
import { type Checkpoint, readCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { DeviceCalls } from "./device_calls.ts";
import type { LoopOptions, Watch } from "./options.ts";
import type { StateTensor } from "./program.ts";
import { TrainingError } from "../types.ts";

/** The file of a run's state in its work folder. */
export const CHECKPOINT = "checkpoint.safetensors";

export interface LoopResult {
  readonly state: ReadonlyMap<string, Tensor>;
  /** One number an update, and the numbers of each watch. */
  readonly curves: Readonly<Record<string, readonly number[]>>;
  /** Share of this call's time that the device waited for samples. */
  readonly waitShare: number;
}

/**
 * Trains to the end.
 * @throws {TrainingError} `cancelled` (a checkpoint is kept), `diverged`
 * @throws {EngineError} the device failed; the last checkpoint is kept
 */
export async function runLoop(options: LoopOptions): Promise<LoopResult> {
  const { engine, state, title, watches = [] } = options;
  const path = join(options.directory, CHECKPOINT);
  const names = [...state.keys()];
  const resumed = await resumable(path, options);
  const curves = curvesOf(resumed);
  const calls = new DeviceCalls(options), begun = performance.now();
  const snapshot = async () => {
    const tensors = new Map<string, Tensor>();
    for (const [name, { isTransient }] of state) if (!isTransient) tensors.set(name, await engine.get(name));
    return tensors;
  };
  const save = async (step: number) => {
    const { [options.curves[0]]: losses, ...others } = curves;
    const progress = { run: options.run, step, losses: losses ?? [], curves: others };
    await saveCheckpoint(path, { tensors: await snapshot(), progress });
  };
  try {
    for (const [name, own] of state) await engine.put(name, resumed?.tensors.get(name) ?? await own.start());
    let step = resumed?.progress.step ?? 0;
    const first = step + 1;
    let start: number | undefined;
    let end = options.steps;
    const take = ({ name, onValues }: Watch) => end = Math.min(onValues(curves[name] ?? []) ?? end, end);
    watches.forEach(take);
    while (step < end) {
      if (options.signal?.aborted) {
        await save(step);
        throw new TrainingError("cancelled", `The ${title} was cancelled after ${step} of ${options.steps} steps`);
      }
      for (const { learningRate, values } of await calls.run(step)) {
        step++;
        const loss = values[options.curves[0]];
        if (!Number.isFinite(loss)) throw new TrainingError("diverged", `The loss became ${loss} at step ${step}`);
        for (const [name, value] of Object.entries(values)) (curves[name] ??= []).push(value);
        start ??= performance.now();
        const secondsPerUpdate = (performance.now() - start) / 1000 / Math.max(step - first, 1);
        await options.onStep({ step, learningRate, secondsPerUpdate, values });
      }
      if (options.stop?.(curves[options.curves[0]])) break;
      for (const watch of watches.filter(({ everySteps }) => step % everySteps === 0 && step < end)) {
        (curves[watch.name] ??= []).push(...await watch.measure(step));
        take(watch);
      }
      if (step % options.checkpointEverySteps === 0) await save(step);
    }
    const waitShare = calls.waitedMs / (performance.now() - begun);
    return { state: await snapshot(), curves, waitShare };
  } finally {
    for (const watch of watches) await watch.end();
    await calls.end(names);
  }

  function curvesOf(saved: Checkpoint | null): Record<string, number[]> {
    const found = saved === null ? {} : { [options.curves[0]]: saved.progress.losses, ...saved.progress.curves };
    return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, [...values]]));
  }
}

/** The checkpoint to resume from: whole, of this run, with every state value. */
async function resumable(path: string, { run, state, onLog }: LoopOptions): Promise<Checkpoint | null> {
  const saved = await readCheckpoint(path).catch((error) => {
    if (!(error instanceof SyntaxError)) throw error;
    onLog("The checkpoint is damaged: this training starts again from its first step");
    return null;
  });
  if (saved === null || saved.progress.run !== run) return null;
  const fits = ([name, { shape, isTransient = false }]: [string, StateTensor]) => {
    const found = saved.tensors.get(name);
    return found === undefined ? isTransient : sameShape(found.shape, shape);
  };
  return [...state].every(fits) ? saved : null;
}
