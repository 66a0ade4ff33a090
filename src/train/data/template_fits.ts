/** What a fine-tune says about the fit of templates to its cases. */
import { fitWords, LEAST_FIT, type TemplatePlacement } from "../../inference/mod.ts";

/** Cases that are named one by one. */
const MOST_NAMED = 5;

/** The fit of one case, as the report holds it. */
export interface TemplateFitOfCase {
  readonly case: string;
  readonly fits: boolean;
  readonly similarity: TemplatePlacement["similarity"];
  readonly overlap: number;
}

/** Each case's fit, where it was measured. */
export function templateFits(
  placements: readonly (TemplatePlacement | null)[],
  cases: readonly { readonly id: string }[],
): TemplateFitOfCase[] {
  return placements.flatMap((p, i) =>
    p === null ? [] : [{ case: cases[i].id, fits: p.fits, similarity: p.similarity, overlap: p.overlap }]
  );
}

/** The recipe without templates where they fit no case: a second view would only take time. */
export function withoutUnfit<R extends { readonly templates: boolean }>(
  recipe: R,
  placements: readonly (TemplatePlacement | null)[],
): R {
  const isUnfit = placements.length > 0 && placements.every((p) => p !== null && !p.fits);
  return isUnfit ? { ...recipe, templates: false } : recipe;
}

/** Sentences on cases whose templates are off; none where all fit or nothing was measured. */
export function templateNotes(placements: readonly (TemplatePlacement | null)[]): string[] {
  const measured = placements.flatMap((p, i) => p === null ? [] : [{ ...p, number: i + 1 }]);
  const off = measured.filter(({ fits }) => !fits);
  if (off.length === 0) return [];
  const named = off.slice(0, MOST_NAMED).map((p) => `case ${p.number}: ${fitWords(p)}`);
  const rest = off.length - named.length;
  return [
    `Templates are off for ${off.length} of ${measured.length} cases, because they do not fit (expected a similarity of ` +
    `at least ${LEAST_FIT.similarity} and an overlap of at least ${Math.round(100 * LEAST_FIT.overlap)} %): ` +
    `${named.join("; ")}${rest === 0 ? "" : `; and ${rest} more`}`,
  ];
}
