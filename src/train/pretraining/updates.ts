/** The updates of a pre-training: the cases of each micro-batch and the rate, which depend on the update's number only. */
import type { Random } from "../../tensor/mod.ts";
import { type MicroBatch, rateFeeds, type Update } from "../loop/program.ts";
import type { PretrainingBase } from "../recipe/pretraining.ts";
import { cosineRate, Schedule } from "../recipe/schedule.ts";
import type { MicroBatchRequest } from "./method.ts";

export interface UpdatesOptions {
  readonly recipe: PretrainingBase;
  /** Their number. */
  readonly cases: number;
  readonly random: Random;
  readonly micro: (request: MicroBatchRequest) => Promise<MicroBatch>;
}

export class Updates {
  readonly #options: UpdatesOptions;
  readonly #schedule: Schedule;
  /** The cases of the epoch under way, in its order. */
  #order: { epoch: number; cases: readonly number[] } = { epoch: -1, cases: [] };

  constructor(options: UpdatesOptions) {
    this.#options = options;
    this.#schedule = new Schedule(options.recipe, options.cases);
  }

  /** Update `u`, from 0. */
  update(u: number): Update {
    const { batch: { replicas, accumulation }, learningRate: start, steps, schedulerStep } = this.#options.recipe;
    const { first, last } = this.#schedule.stepsOf(u);
    // the scheduler counts steps, but its period is given in updates (docs/method B.2.2)
    const total = this.#schedule.stepsOf(steps - 1).last + 1;
    const learningRate = schedulerStep === "optimizer"
      ? cosineRate(start, u, steps)
      : cosineRate(start, last, total / accumulation);
    const count = (last - first + 1) * replicas;
    return {
      learningRate,
      count,
      micro: (i) => {
        const step = first + Math.floor(i / replicas), replica = i % replicas;
        return this.#options.micro({
          cases: this.#casesOf(step, replica),
          epoch: this.#schedule.epochOf(step),
          isLast: i === count - 1,
          rates: rateFeeds(learningRate, u),
          random: this.#options.random.fork(`step ${step} replica ${replica}`),
        });
      },
    };
  }

  /** The epoch in which update `u` ends. */
  epochOf(u: number): number {
    return this.#schedule.epochOf(this.#schedule.stepsOf(u).last);
  }

  #casesOf(step: number, replica: number): number[] {
    const { size, replicas } = this.#options.recipe.batch;
    const order = this.#orderOf(this.#schedule.epochOf(step));
    const from = ((step % this.#schedule.perEpoch) * replicas + replica) * size;
    return Array.from({ length: size }, (_, i) => order[(from + i) % order.length]);
  }

  #orderOf(epoch: number): readonly number[] {
    if (this.#order.epoch !== epoch) {
      const cases = Array.from({ length: this.#options.cases }, (_, i) => i);
      this.#order = { epoch, cases: this.#options.random.fork(`epoch ${epoch}`).shuffle(cases) };
    }
    return this.#order.cases;
  }
}
