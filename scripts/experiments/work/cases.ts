/** Patients of an experiment and how they are divided; the same division for our networks and for the peers. */
import { digestFile } from "../../../src/storage/mod.ts";
import { Random } from "../../../src/tensor/mod.ts";
import type { TrainingCase } from "../../../src/train/mod.ts";
import { FOLDS, type Part } from "../options.ts";
import type { Run, RunCache } from "../runs/runs.ts";

/** Labelled cases: the JSON that decides them, and how they are opened. */
export interface Cases {
  readonly data: unknown;
  readonly ids: readonly string[];
  /** Runs that make them. */
  readonly needs: readonly Run[];
  open(runs: Pick<RunCache, "outputOf">): readonly TrainingCase[];
}

/** Cases to train on and cases to score. */
export interface Split<T = TrainingCase> {
  readonly train: readonly T[];
  readonly test: readonly T[];
}

/** Files known by their contents. */
export async function casesOf(cases: readonly TrainingCase[]): Promise<Cases> {
  const data: string[] = [];
  for (const { images, label, className } of cases) {
    for (const file of [...Object.values(images), ...(label === undefined ? [] : [label])]) {
      data.push((await digestFile(file)).sha256);
    }
    if (className !== undefined) data.push(className);
  }
  return { data, ids: cases.map((c) => c.id), needs: [], open: () => cases };
}

/**
 * The part to train on and the part to score: the test part, or one fold of the training part, whose every
 * `FOLDS`-th case is held out. The test part is not touched for a fold.
 */
export function splitBy<T>(cases: readonly T[], { isTest, part }: { isTest: (c: T) => boolean; part: Part }): Split<T> {
  const own = cases.filter((c) => !isTest(c));
  if (part === "test") return { train: own, test: cases.filter(isTest) };
  const isHeld = (_: T, i: number) => i % FOLDS === part.fold % FOLDS;
  return { train: own.filter((c, i) => !isHeld(c, i)), test: own.filter(isHeld) };
}

/** The first `count` of a shuffle by the seed, so that fewer are a part of more; null: all. @throws {RangeError} */
export function labelledOf<T>(cases: readonly T[], { count, seed }: { count: number | null; seed: number }): T[] {
  if (count === null) return [...cases];
  if (count > cases.length) {
    throw new RangeError(`expected at most ${cases.length} labelled patients in this part, got ${count}`);
  }
  const order = [...cases], random = new Random(seed).fork("labelled");
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order.slice(0, count);
}

/** Two sets as one. */
export function joined(a: Cases, b: Cases): Cases {
  return {
    data: [a.data, b.data],
    ids: [...a.ids, ...b.ids],
    needs: [...a.needs, ...b.needs],
    open: (runs) => [...a.open(runs), ...b.open(runs)],
  };
}
