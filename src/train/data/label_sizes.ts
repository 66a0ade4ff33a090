/** Volumes of labels in the files of a training: notes where the network sees another volume, and the range over cases. */
import type { Label } from "../../inference/mod.ts";
import type { LabelSize } from "./labelled_case.ts";

/** A label's volume on the network's grid may differ from the file's by this share before it is reported. */
const MOST_CHANGE = 0.1;

/** Notes beyond this number are counted. */
const MOST_NOTES = 20;

/** Sentences on labels that the network does not see, sees only in part, or sees larger or smaller than the file has them. */
export function sizeNotes(
  sizes: readonly (readonly LabelSize[])[],
  { spacingMm }: { spacingMm: readonly number[] | null },
): string[] {
  const notes = sizes.flatMap((labels, i) =>
    labels.flatMap(({ label, fileMl, gridMl, components, outside }) => {
      if (fileMl === 0) return [];
      const changed = Math.abs(gridMl - fileMl) > MOST_CHANGE * fileMl;
      if (!changed && outside === 0) return [];
      const volumes = `${label} has ${millilitres(fileMl)} mL in the file and ` +
        `${gridMl === 0 ? "no voxel" : `${millilitres(gridMl)} mL`} on the network's grid` +
        (spacingMm === null ? "" : ` of ${spacingMm.join("×")} mm`);
      const lost = outside === 0 ? "" : `; ${outside} of ${components} components lie outside the images' tissue`;
      return [`Case ${i + 1}: ${volumes}${lost}.`];
    })
  );
  if (notes.length <= MOST_NOTES) return notes;
  const more = `The same is true of ${notes.length - MOST_NOTES} more labels of cases.`;
  return [...notes.slice(0, MOST_NOTES), more];
}

const millilitres = (ml: number) => String(Number(ml.toPrecision(3)));

/**
 * The labels with their least and greatest volume per case in the files, over the cases that have them, and over those that
 * the base was trained on.
 */
export function withTrainingMl(
  labels: readonly Label[],
  { sizes, base }: { sizes: readonly (readonly LabelSize[])[]; base: readonly Label[] },
): Label[] {
  return labels.map((label) => {
    const own = sizes.flat().filter((s) => s.label === label.name && s.fileMl > 0).map(({ fileMl }) => fileMl);
    const before = base.find(({ name }) => name === label.name)?.trainingMl;
    const all = before === undefined ? own : [...own, before.min, before.max];
    return all.length === 0 ? label : { ...label, trainingMl: { min: Math.min(...all), max: Math.max(...all) } };
  });
}
