/** Folds of validation: by patient, never by case, with classes and labels spread evenly over them. */
import { Random } from "../../tensor/mod.ts";
import type { TrainingCase } from "../types.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { foldCount } from "../recipe/folds.ts";

/** Indices of the cases that a fold is trained on and validated on. */
export interface Fold {
  readonly train: readonly number[];
  readonly held: readonly number[];
}

/** What a case shows: its class, or the labels that it has voxels of. */
export type Traits = ReadonlySet<string>;

/**
 * The folds of a run: leave-one-patient-out for 2–10 patients, five folds above, none for one patient or on request.
 * Every patient is held out exactly once; every fold holds out as many as another, or one more. `traits` has one entry a
 * case.
 */
export function makeFolds(
  cases: readonly Pick<TrainingCase, "patient">[],
  { validation, seed, traits }: Pick<ResolvedRecipe, "validation" | "seed"> & { readonly traits: readonly Traits[] },
): Fold[] {
  const patients = [...new Set(cases.map((c) => c.patient))];
  const count = foldCount(validation, patients.length);
  if (count === 0) return [];
  const shown = new Map(patients.map((p) => [p, new Set<string>()]));
  cases.forEach(({ patient }, i) => traits[i].forEach((trait) => shown.get(patient)!.add(trait)));
  const foldOf = count === patients.length
    ? new Map(patients.map((p, f) => [p, f]))
    : stratified(shown, { count, random: new Random(seed).fork("folds") });
  return Array.from({ length: count }, (_, f) => {
    const held = cases.flatMap((c, i) => (foldOf.get(c.patient) === f ? [i] : []));
    return { held, train: cases.map((_, i) => i).filter((i) => !held.includes(i)) };
  });
}

/** The trait of patients without any. */
const NONE = "";

/**
 * Each patient's fold, after Sechidis et al., On the Stratification of Multi-Label Data, 2011: the rarest trait first, each
 * patient to the fold that has fewest of the trait, then to the smallest, then by the drawn order of folds.
 */
function stratified(
  patients: ReadonlyMap<string, Traits>,
  { count, random }: { count: number; random: Random },
): Map<string, number> {
  const traitsOf = (patient: string) => {
    const traits = patients.get(patient)!;
    return traits.size === 0 ? [NONE] : [...traits];
  };
  const left = new Set(random.shuffle([...patients.keys()]));
  const order = random.shuffle(Array.from({ length: count }, (_, f) => f));
  const held = Array.from({ length: count }, () => [] as string[]);
  const most = Math.ceil(patients.size / count), full = patients.size - count * (most - 1);
  const hasRoom = (fold: number) =>
    held[fold].length < most - 1 ||
    (held[fold].length < most && held.filter(({ length }) => length === most).length < full);
  const foldOf = new Map<string, number>();
  while (left.size > 0) {
    const trait = rarest([...left].flatMap(traitsOf));
    const having = held.map((patients) => patients.filter((p) => traitsOf(p).includes(trait)).length);
    for (const patient of [...left].filter((p) => traitsOf(p).includes(trait))) {
      const [fold] = order.filter(hasRoom).sort((a, b) => having[a] - having[b] || held[a].length - held[b].length);
      held[fold].push(patient);
      having[fold]++;
      foldOf.set(patient, fold);
      left.delete(patient);
    }
  }
  return foldOf;
}

/** The trait that occurs least often; the first in the alphabet among equals. */
function rarest(traits: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const trait of traits) counts.set(trait, (counts.get(trait) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => m - n || (a < b ? -1 : 1))[0][0];
}
