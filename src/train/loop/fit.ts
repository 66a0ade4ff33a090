/**
 * Chooses how a step runs in the memory that there is: as it is, else with some values computed twice. The numbers that it
 * computes are the same, bit by bit.
 */
import { type Engine, EngineError, type Traits } from "../../engine/mod.ts";
import { type Graph, MemoryBudgetError, predictMemory, rematerialise, type Rematerialised } from "../../graph/mod.ts";

export interface Fitted {
  readonly graph: Graph;
  /** Predicted peak of the device's process, bytes; larger than the budget where nothing smaller was found. */
  readonly peakBytes: number;
  /** Estimated share of the step's time for what is computed twice. */
  readonly extraCost: number;
}

/** What of the free memory a step may take: predictions are good to 15 %, and the parent draws samples meanwhile. */
const USABLE = 0.75;

/** The bytes that a step may take on a device; no limit where memory is not predicted. */
export function memoryBudget({ isMemoryPredicted }: Pick<Traits, "isMemoryPredicted">): number {
  return isMemoryPredicted ? USABLE * Deno.systemMemoryInfo().available : Infinity;
}

/** How many of a training's forms an engine's memory was too small for. */
class TooLarge {
  forms = 0;
}

/**
 * Runs a training in the first of `forms`, of which each takes less memory than the one before. Where the device runs out
 * of memory, it goes on from its last checkpoint in the next one, and so do later ones on this engine.
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
      onLog(`The device ran out of memory: the training goes on in ${next}`);
    }
  }
}

/** A step as it was fitted into `budgetBytes`, and in the form that takes the least. */
export const leastAfter = (budgetBytes: number): number[] => budgetBytes === 0 ? [0] : [budgetBytes, 0];

/** What is computed twice wherever memory is limited: this share of a step's time is not seen, and frees a fifth. */
const CHEAP = 0.01;

/**
 * `graph` in the form that takes the least of those as fast; where that does not fit into `budgetBytes`, in the fastest that
 * does; else in the smallest that was found. As it is where nothing limits.
 */
export function fitted(graph: Graph, budgetBytes: number): Fitted {
  if (budgetBytes === Infinity) return { graph, peakBytes: predictMemory(graph).peakBytes, extraCost: 0 };
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

/** What a user should know of it; undefined where there is nothing to tell. */
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
