/** The modalities that the simulator knows, by the names that Sulcus has for them. */
export const MODALITIES = ["t1", "t1c", "t2", "flair", "pd", "dwi", "adc", "mra"] as const;
export type Modality = typeof MODALITIES[number];

/** The modalities of a list such as `t1,flair`. @throws {RangeError} an unknown or repeated name */
export function modalitiesOf(names: readonly string[]): Modality[] {
  const found = names.map((name) => MODALITIES.find((m) => m === name));
  if (found.length === 0 || found.includes(undefined) || new Set(found).size < found.length) {
    throw new RangeError(
      `Cannot simulate modalities: expected different ones of ${MODALITIES.join(", ")}, got ${names.join(", ")}`,
    );
  }
  return found.filter((m) => m !== undefined);
}
