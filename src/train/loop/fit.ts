/**
 * Chooses the form in which a step fits into memory: unchanged, or with some values computed twice. All forms compute the
 * same numbers, bit by bit.
 */
import { type Engine, EngineError, type Traits } from "../../engine/mod.ts";
import { type Graph, MemoryBudgetError, predictMemory, rematerialise, type Rematerialised } from "../../graph/mod.ts";

export interface Fitted {
  readonly graph: Graph;
  /** Predicted peak of the device's process, bytes; larger than the budget where nothing smaller was found. */
  readonly peakBytes: number;
  /** Estimated time of computing values twice, as a share of the step's time. */
  readonly extraCost: number;
}

/** Share of the free memory that a step may take: predictions are off by up to 15 %, and the parent draws samples. */
const USABLE = 0.75;

/** The bytes that a step may take on a device; no limit where memory is not predicted. */
export function memoryBudget({ isMemoryPredicted }: Pick<Traits, "isMemoryPredicted">): number {
  return isMemoryPredicted ? USABLE * Deno.systemMemoryInfo().available : Infinity;
}

/** The number of forms of a training that did not fit into an engine's memory. */
class TooLarge {
  forms = 0;
}

/**
 * Runs a training in the first of `forms`, each of which takes less memory than the one before. If the device runs out of
 * memory, the training resumes from its last checkpoint in the next form; later trainings on this engine begin there.
 * @throws as `work`
 */
export async function withinMemory<F, T>(
  engine: Engine,
  { forms, onLog }: { readonly forms: readonly F[]; readonly onLog: (message: string) => void },
  work: (form: F) => Promise<T>,
): Promise<T> {
  const tooLarge = engine.companions.of(TooLarge), last = forms.length - 1;
  for (let i = Math.min(tooLarge.forms, last);; i++) {
    try {
      return await work(forms[i]);
    } catch (error) {
      if (!(error instanceof EngineError && error.code === "out-of-memory") || i === last) throw error;
      tooLarge.forms = i + 1;
      const next = i + 1 === last ? "the form that takes the least" : "a form that takes less";
      onLog(`The device ran out of memory: the training resumes in ${next}`);
    }
  }
}

/** The budgets to try one after the other: `budgetBytes`, then 0 for the form that takes the least. */
export const leastAfter = (budgetBytes: number): number[] => budgetBytes === 0 ? [0] : [budgetBytes, 0];

/** Extra time, as a share of a step's, that is spent even if the step fits: 1 % frees a fifth of the memory. */
const CHEAP = 0.01;

/**
 * Fits `graph` into `budgetBytes`: at most 1 % of extra time if that suffices, else as little as possible, else the
 * smallest form that was found. Without a limit, or where the device merges what is computed twice, the graph stays
 * unchanged.
 */
export function fitted(graph: Graph, budgetBytes: number, { memory }: Partial<Pick<Traits, "memory">> = {}): Fitted {
  if (budgetBytes === Infinity || memory?.mergesEqual) {
    return { graph, peakBytes: predictMemory(graph, memory).peakBytes, extraCost: 0 };
  }
  const cheap = least(graph, { budgetBytes: 0, extraCost: CHEAP });
  if (cheap.after.peakBytes <= budgetBytes) return fittedAs(cheap, cheap.extraCost);
  const more = least(cheap.graph, { budgetBytes });
  return fittedAs(more, (1 + cheap.extraCost) * (1 + more.extraCost) - 1);
}

const fittedAs = ({ graph, after: { peakBytes } }: Rematerialised, extraCost: number): Fitted => ({
  graph,
  peakBytes,
  extraCost,
});

function least(graph: Graph, limits: Parameters<typeof rematerialise>[1]): Rematerialised {
  try {
    return rematerialise(graph, limits);
  } catch (error) {
    if (error instanceof MemoryBudgetError) return error.least;
    throw error;
  }
}

/** A message for the user; undefined where the step fits without noticeable extra time. */
export function fitMessage({ peakBytes, extraCost }: Fitted, budgetBytes: number): string | undefined {
  if (peakBytes <= budgetBytes && extraCost <= CHEAP) return undefined;
  const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const twice = extraCost === 0 ? "" : `, ${Math.ceil(100 * extraCost)} % of it computed twice`;
  const what = `A training step will take ${gb(peakBytes)} of memory${twice}`;
  if (budgetBytes === 0) return `${what}: the least that was found`;
  return peakBytes <= budgetBytes
    ? `${what}, to fit into ${gb(budgetBytes)}`
    : `${what}: more than the ${gb(budgetBytes)} that may be used`;
}
