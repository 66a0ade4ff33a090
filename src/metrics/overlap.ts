/** Dice, means without NaN, and volumes. */
import { checkMasks, type Mask } from "./_mask.ts";

/**
 * Dice `2·TP / (|prediction| + |reference|)` of two binary masks (MONAI compute_dice).
 * @param options.empty what an empty reference gives: "nan" always NaN; "one" 1 where the prediction is empty too, else
 *   0
 */
export function dice(prediction: Mask, reference: Mask, { empty = "nan" }: { empty?: "nan" | "one" } = {}): number {
  checkMasks("Dice", prediction, reference);
  let both = 0;
  let predicted = 0;
  let expected = 0;
  for (let i = 0; i < reference.length; i++) {
    const p = prediction[i] !== 0 ? 1 : 0;
    const r = reference[i] !== 0 ? 1 : 0;
    both += p & r;
    predicted += p;
    expected += r;
  }
  if (expected === 0 && empty === "nan") return NaN;
  if (expected + predicted === 0) return 1;
  return 2 * both / (predicted + expected);
}

/** Mean of the values that are not NaN; NaN where there is none. Infinity counts. */
export function nanMean(values: readonly number[]): number {
  const defined = values.filter((v) => !Number.isNaN(v));
  return defined.reduce((sum, v) => sum + v, 0) / defined.length;
}

/** Volume of the voxels of a label map with `value` (default: any but 0), millilitres. */
export function volumeMl(
  mask: Mask,
  { voxelMl, value }: { voxelMl: number; value?: number },
): number {
  let voxels = 0;
  for (let i = 0; i < mask.length; i++) if (value === undefined ? mask[i] !== 0 : mask[i] === value) voxels++;
  return voxels * voxelMl;
}
