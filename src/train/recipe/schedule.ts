/** How the learning rate falls, and how steps, updates and epochs of a pre-training follow each other. */

/** η(t) = η₀(1 + cos(πt/T))/2 (docs/method A.0, CosineAnnealingLR with η_min 0). */
export function cosineRate(start: number, step: number, steps: number): number {
  return start * (1 + Math.cos(Math.PI * step / steps)) / 2;
}

/**
 * A cosine after a linear rise over the first `warmup` of `steps` updates: η₀(t + 1)/(w + 1), then the cosine over the
 * updates that are left (PyTorch's LinearLR from 1/(w + 1) to 1 before CosineAnnealingLR).
 */
export function warmedRate(start: number, step: number, { warmup, steps }: { warmup: number; steps: number }): number {
  return step < warmup ? start * (step + 1) / (warmup + 1) : cosineRate(start, step - warmup, steps - warmup);
}

/** How many samples make an update. */
interface Batch {
  /** Samples of a micro-batch. */
  readonly size: number;
  /** Micro-batches in the place of devices. */
  readonly replicas: number;
  /** Micro-batches of each replica that an update adds up. */
  readonly accumulation: number;
  readonly updates: "whole" | "early";
}

/**
 * How steps, updates and epochs follow each other. A step is one micro-batch on every replica; an epoch has as many as
 * the cases fill, the rest is left out (B.2.2).
 */
export class Schedule {
  /** Steps of an epoch. */
  readonly perEpoch: number;
  readonly #batch: Batch;

  constructor({ batch }: { readonly batch: Batch }, cases: number) {
    this.#batch = batch;
    this.perEpoch = Math.max(1, Math.floor(cases / (batch.size * batch.replicas)));
  }

  /** Updates of so many epochs. */
  updatesOf(epochs: number): number {
    const { accumulation, updates } = this.#batch;
    return updates === "early"
      ? epochs * Math.ceil(this.perEpoch / accumulation)
      : Math.max(1, Math.floor(epochs * this.perEpoch / accumulation));
  }

  /** The steps of update `u`: from the first to the last. */
  stepsOf(u: number): { readonly first: number; readonly last: number } {
    return { first: u === 0 ? 0 : this.#last(u - 1) + 1, last: this.#last(u) };
  }

  epochOf(step: number): number {
    return Math.floor(step / this.perEpoch);
  }

  #last(u: number): number {
    const { accumulation, updates } = this.#batch;
    if (updates === "whole") return (u + 1) * accumulation - 1;
    const perEpoch = Math.ceil(this.perEpoch / accumulation);
    return Math.floor(u / perEpoch) * this.perEpoch + (u % perEpoch) * accumulation;
  }
}
