/** How far the facts of a case's images are from those of a training's cases. */
import type { Spread, TrainingImages } from "../quality_types.ts";
import type { ImageFacts } from "./image_facts.ts";

/** The kinds of facts: how they spread over ordinary patients where a training has too few cases to say so. */
export const FACT_KINDS = {
  intensity: { usual: 0.06, is: (name) => /^(q25|q50|q75|tone)$/.test(name) },
  // of fluid and fat: how much of either is in view varies
  tails: { usual: 0.1, is: (name) => /^q(5|95)$/.test(name) },
  sharpness: { usual: 0.1, is: (name) => name.startsWith("sharpness") },
  edges: { usual: 0.25, is: (name) => name.startsWith("edges") },
  noise: { usual: 0.4, is: (name) => name === "noise" },
  view: { usual: 0.15, is: (name) => name.startsWith("extent") || name === "volume" },
  correlation: { usual: 0.1, is: (name) => name === "correlation" },
} as const satisfies Readonly<Record<string, { readonly usual: number; readonly is: (name: string) => boolean }>>;

export type FactKind = keyof typeof FACT_KINDS;

/**
 * Facts farther from the training's are reported, standard deviations. Chosen so that ordinary held-out patients are
 * reported in fewer than 2 of 100 cases (docs/quality.md).
 */
export const FAR = 5;

/** So many cases of a training weigh as much as the usual spread. */
const USUAL_WEIGHT = 4;

/** A fact of a case beside those of a training. */
export interface Compared {
  readonly of: string;
  readonly name: string;
  readonly kind: FactKind;
  readonly value: number;
  readonly training: Spread;
  /** |value − median| in standard deviations of a new case. */
  readonly distance: number;
}

/** The facts of a training's cases, one list a case. */
export function trainingImages(cases: readonly (readonly ImageFacts[])[]): TrainingImages {
  const groups = Map.groupBy(cases.flat(), ({ of }) => of);
  return {
    cases: cases.length,
    facts: [...groups].map(([of, own]) => {
      const names = new Set(own.flatMap(({ values }) => Object.keys(values)));
      const values = [...names].map((name) => [
        name,
        spreadOf(own.flatMap(({ values }) => name in values ? [values[name]] : [])),
      ]);
      return { of, values: Object.fromEntries(values) };
    }),
  };
}

function spreadOf(values: readonly number[]): Spread {
  const median = medianOf(values);
  return {
    median,
    spread: 1.4826 * medianOf(values.map((v) => Math.abs(v - median))),
    least: Math.min(...values),
    greatest: Math.max(...values),
  };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Each fact of a case that the training knows, the farthest first. */
export function compared(facts: readonly ImageFacts[], { cases, facts: known }: TrainingImages): Compared[] {
  const training = new Map(known.map(({ of, values }) => [of, values]));
  return facts.flatMap(({ of, values }) =>
    Object.entries(values).flatMap(([name, value]): Compared[] => {
      const own = training.get(of)?.[name], kind = kindOf(name);
      if (own === undefined || kind === null) return [];
      const { usual } = FACT_KINDS[kind];
      const variance = (cases * own.spread ** 2 + USUAL_WEIGHT * usual ** 2) / (cases + USUAL_WEIGHT);
      // a new case differs from the median of few cases by more than from that of many
      const distance = Math.abs(value - own.median) / Math.sqrt(variance * (1 + 1 / cases));
      return [{ of, name, kind, value, training: own, distance }];
    })
  ).toSorted((a, b) => b.distance - a.distance);
}

function kindOf(name: string): FactKind | null {
  const found = Object.entries(FACT_KINDS).find(([, { is }]) => is(name));
  return found === undefined ? null : found[0] as FactKind;
}
