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
  // less of them than in the training is no doubt
  echo: { usual: 0.03, grows: true, added: "ghosts", is: (name) => name === "echo" },
  region: {
    usual: 0.5,
    grows: true,
    added: "regions that stand out",
    is: (name) => /^(bright|dark|onesided)$/.test(name),
  },
} as const satisfies Readonly<Record<string, KindOfFact>>;

interface KindOfFact {
  readonly usual: number;
  /** Only a value above the greatest of the training is unlike it. Default false. */
  readonly grows?: boolean;
  /** In words, of a kind that the first manifests with facts do not hold. */
  readonly added?: string;
  readonly is: (name: string) => boolean;
}

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
  /** |value − median|, of kinds that grow value − greatest above 0, in standard deviations of a new case. */
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
      const { usual, grows = false }: KindOfFact = FACT_KINDS[kind];
      const variance = (cases * own.spread ** 2 + USUAL_WEIGHT * usual ** 2) / (cases + USUAL_WEIGHT);
      // a new case differs from the median of few cases by more than from that of many
      const beyond = grows ? Math.max(0, value - own.greatest) : Math.abs(value - own.median);
      const distance = beyond / Math.sqrt(variance * (1 + 1 / cases));
      return [{ of, name, kind, value, training: own, distance }];
    })
  ).toSorted((a, b) => b.distance - a.distance);
}

/** The kinds of facts, in words, that a training's manifest is too old to hold; nothing warns by them. */
export function unknownKinds({ facts }: TrainingImages): string[] {
  const names = facts.flatMap(({ values }) => Object.keys(values));
  return Object.values<KindOfFact>(FACT_KINDS).flatMap(({ added, is }) =>
    added === undefined || names.some(is) ? [] : [added]
  );
}

function kindOf(name: string): FactKind | null {
  const found = Object.entries(FACT_KINDS).find(([, { is }]) => is(name));
  return found === undefined ? null : found[0] as FactKind;
}
