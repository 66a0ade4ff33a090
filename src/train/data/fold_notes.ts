/** Where the figures of a validation, or a training itself, say less than they seem to: sentences with numbers for users. */
import type { Fold, Traits } from "./folds.ts";

export interface FoldNotesOptions {
  readonly folds: readonly Fold[];
  /** One entry a case. */
  readonly traits: readonly Traits[];
  readonly patients: readonly string[];
  /** Classes or labels. */
  readonly names: readonly string[];
  readonly task: "segmentation" | "classification";
}

/** Numbers of cases that a note lists, at most. */
const MOST_NUMBERS = 20;

/** Names that no case or one patient has, folds that were trained without one, and folds that hold none out. */
export function foldNotes(options: FoldNotesOptions): string[] {
  const { folds, traits, patients, names, task } = options;
  const indices = patients.map((_, i) => i);
  const having = (name: string, among: readonly number[]) => among.filter((i) => traits[i].has(name));
  const notes: string[] = [];
  for (const name of names) {
    const found = having(name, indices);
    const owners = new Set(found.map((i) => patients[i]));
    if (owners.size === 0) {
      notes.push(`No case has ${name}: the network cannot learn it, and no figure says anything about it.`);
      continue;
    }
    const untrained = where(folds, ({ train }) => having(name, train).length === 0);
    if (owners.size === 1) {
      const why = untrained === null ? "" : `, who is held out by ${untrained}: no figure of it can be measured`;
      notes.push(`Only one patient has ${name} (${cases(found.length)})${why}.`);
      continue;
    }
    if (untrained !== null) notes.push(`Trained without ${name}: ${untrained}. Its figures there are left out.`);
    // a fold of one patient has one class
    const isOfOne = task === "classification" && folds.length === new Set(patients).size;
    const unheld = isOfOne ? null : where(folds, ({ held }) => having(name, held).length === 0);
    if (unheld !== null) notes.push(`Held out no case with ${name}: ${unheld}.`);
  }
  const unlabelled = task === "segmentation" ? indices.filter((i) => traits[i].size === 0) : [];
  if (unlabelled.length > 0) {
    const which = unlabelled.slice(0, MOST_NUMBERS).map((i) => i + 1).join(", ");
    const more = unlabelled.length > MOST_NUMBERS ? ", …" : "";
    notes.push(`${cases(unlabelled.length)} of ${indices.length} without any labelled voxel: number ${which}${more}.`);
  }
  const empty = where(folds, ({ train }) => train.every((i) => traits[i].size === 0));
  if (empty !== null) notes.push(`Trained on cases without any label: ${empty}.`);
  return notes;
}

const cases = (count: number) => (count === 1 ? "1 case" : `${count} cases`);

/** The folds of which something is true, in words; null: none. */
function where(folds: readonly Fold[], isTrue: (fold: Fold) => boolean): string | null {
  const found = folds.flatMap((fold, i) => (isTrue(fold) ? [i + 1] : []));
  if (found.length === 0) return null;
  return `${found.length === 1 ? "fold" : "folds"} ${found.join(", ")} of ${folds.length}`;
}
