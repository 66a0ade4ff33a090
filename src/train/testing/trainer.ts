/** A small network to train and its samples, for tests of the trainer. */
import assert from "node:assert/strict";
import { type Engine, EngineError, type Traits } from "../../engine/mod.ts";
import { disguised } from "../../engine/testing/disguised.ts";
import { type Graph, GraphBuilder } from "../../graph/mod.ts";
import { Random, sizeOf, tensor } from "../../tensor/mod.ts";
import type { Sample } from "../data/augment.ts";
import { ADAM_DEFAULTS } from "../recipe/optimizer.ts";
import { cosineRate } from "../recipe/schedule.ts";
import type { StepConfig } from "../step/finetuning_step.ts";
import { train, type Trained, type TrainerOptions } from "../finetuning/phases/trainer.ts";
import { TrainingError } from "../types.ts";

export const SIZE = [4, 4, 4] as const;

/** Conv 1³ 2→3, BatchNormalization, Relu, Conv 1³ 3→1; a network in training form. */
export function network(crops = 1): Graph {
  const b = new GraphBuilder();
  const random = new Random(3);
  const constant = (name: string, shape: number[], fill?: number) =>
    b.constant(tensor("float32", shape, Array.from({ length: sizeOf(shape) }, () => fill ?? random.normal())), name);
  const image = b.input("image", { dtype: "float32", shape: [crops, 2, ...SIZE] });
  const hidden = b.op.Conv(image, constant("first.weight", [3, 2, 1, 1, 1]), null, { kernel_shape: [1, 1, 1] });
  const statistics = [constant("norm.running_mean", [3], 0), constant("norm.running_var", [3], 1)] as const;
  const y = b.op.BatchNormalization(
    hidden,
    constant("norm.weight", [3], 1),
    constant("norm.bias", [3], 0.1),
    ...statistics,
    {
      epsilon: 1e-5,
    },
  );
  const out = b.op.Conv(b.op.Relu(y), constant("last.weight", [1, 3, 1, 1, 1]), constant("last.bias", [1], 0), {
    kernel_shape: [1, 1, 1],
  });
  return b.build("small", { out });
}

export const STEP: Omit<StepConfig, "accumulate"> = {
  task: "segmentation",
  heads: ["out"],
  consistency: null,
  views: 1,
  supervision: "sum",
  optimizer: { kind: "adamw", weightDecay: 1e-2, ...ADAM_DEFAULTS },
  isTrainable: (key) => !key.includes("running"),
};

/** The mask is where the first channel exceeds the second. */
export function sampleOf(step: number, i: number): Promise<Sample> {
  const random = new Random(`${step} ${i}`);
  const view = Float32Array.from({ length: 128 }, () => random.normal());
  return Promise.resolve({
    views: [view],
    target: Float32Array.from({ length: 64 }, (_, v) => Number(view[v] > view[v + 64])),
  });
}

export const optionsOf = (
  engine: Engine,
  directory: string,
  changes: Partial<TrainerOptions> = {},
): TrainerOptions => ({
  engine,
  network: network(),
  step: STEP,
  steps: 12,
  rateOf: (step) => cosineRate(0.05, step, changes.steps ?? 12),
  batchSize: 1,
  checkpointEverySteps: 4,
  directory,
  run: "a",
  sample: sampleOf,
  onStep: () => {},
  onLog: () => {},
  ...changes,
});

/** What a training computed, without the time that it took. */
export const timeless = ({ waitShare: _, ...computed }: Trained): Omit<Trained, "waitShare"> => computed;

/** Trains, stopping before the update number `at` + 1 by the signal. */
export async function cancelAt(at: number, options: TrainerOptions, of = 12): Promise<void> {
  const abort = new AbortController();
  const onStep = ({ step }: { step: number }) => step === at && abort.abort();
  await assert.rejects(
    train({ ...options, signal: abort.signal, onStep }),
    (e) =>
      e instanceof TrainingError && e.code === "cancelled" &&
      e.message === `The fine-tune was cancelled after ${at} of ${of} steps`,
  );
}

/** An engine with other traits. */
export const withTraits = (engine: Engine, traits: Partial<Traits>): Engine =>
  disguised(engine, { traits: { ...engine.traits, ...traits } });

/** An engine as one that has the memory for `runs` updates of the first step, and then only for others. */
export function shortOfMemory(engine: Engine, runs: number): Engine {
  let done = 0, loaded = 0;
  return disguised(engine, {
    load: async (model, options) => {
      const session = await engine.load(model, options);
      if (loaded++ > 0) return session;
      const run: typeof session.run = (feeds, how) =>
        ++done > runs ? Promise.reject(new EngineError("out-of-memory", "too much")) : session.run(feeds, how);
      return { ...session, run };
    },
  });
}
