/** Facts of volumes for tests of checks: those of a plausible head, but for what a test changes. */
import { spacingAffine } from "../../volume/mod.ts";
import type { VolumeFacts } from "../checks/facts.ts";

/** A head of 150 × 190 × 140 mm in a field of view of 240 × 240 × 155 mm. */
export function headFacts(changes: Partial<VolumeFacts> = {}): VolumeFacts {
  return {
    sizeVox: [240, 240, 155],
    affineRas: spacingAffine([1, 1, 1]),
    positioned: true,
    doubts: [],
    range: { min: 0, max: 1000 },
    nonFiniteVoxels: 0,
    foreground: tissueOf([150, 190, 140]),
    valuesHash: crypto.randomUUID(),
    ...changes,
  };
}

/** The foreground of a head of these sides, whose box begins at `lowMm`. */
export function tissueOf(
  extentMm: readonly [number, number, number],
  lowMm: readonly [number, number, number] = [45, 25, 8],
): VolumeFacts["foreground"] {
  const volumeMl = extentMm.reduce((product, side) => product * side, 0.0005);
  const [x, y, z] = extentMm;
  const highMm = [lowMm[0] + x, lowMm[1] + y, lowMm[2] + z] as const;
  return { kind: "part", voxels: Math.round(volumeMl * 1000), volumeMl, extentMm, box: { lowMm, highMm } };
}
