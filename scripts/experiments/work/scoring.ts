/** Masks against labels on the label's own grid: Dice and HD95 of every region, the same for our networks and the peers. */
import type { Label } from "../../../src/inference/mod.ts";
import { dice, hd95, nanMean, volumeMl } from "../../../src/metrics/mod.ts";
import type { Modality } from "../../../src/inference/mod.ts";
import { labelMap, readVolume, spacingOf, voxelMl } from "../../../src/volume/mod.ts";
import { type Cost, COSTS, costsOf } from "./costs.ts";
import type { Metric, PatientValues, Row, Values } from "../types.ts";

/** What is scored: values of the mask, and the values of the reference that it should equal. */
export interface Region {
  readonly name: string;
  readonly mask: readonly number[];
  readonly reference: readonly number[];
}

export interface SegmentationTask {
  readonly modalities: readonly Modality[];
  readonly labels: readonly Label[];
  readonly regions: readonly Region[];
}

/** The regions of labels that exclude each other. */
export function regionsOf(labels: readonly Label[]): Region[] {
  return labels.map(({ name, value, sourceValues = [value] }) => ({ name, mask: [value], reference: sourceValues }));
}

export interface RegionScore {
  readonly name: string;
  /** Null where the reference is empty. */
  readonly dice: number | null;
  /** Null where either mask is empty. */
  readonly hd95Mm: number | null;
  readonly volumeMl: number;
  readonly referenceMl: number;
}

export interface PatientScore {
  readonly id: string;
  readonly regions: readonly RegionScore[];
}

/** What a segmentation run answers. */
export interface SegmentationResult {
  readonly provider: string;
  readonly patients: readonly PatientScore[];
  readonly cost: Cost;
  /** Our networks: the recipe with every setting. */
  readonly recipe?: unknown;
}

/** Scores the mask of a file against the reference of another on the same grid. @throws {RangeError} other grids */
export async function scored(id: string, files: { mask: string; reference: string }, regions: readonly Region[]) {
  const [mask, reference] = await Promise.all([readVolume(files.mask), readVolume(files.reference)]);
  const { sizeVox } = reference, spacingMm = spacingOf(reference.affineRas);
  if (mask.sizeVox.some((n, k) => n !== sizeVox[k])) {
    throw new RangeError(`Cannot score a mask: expected ${sizeVox.join("×")} voxels, got ${mask.sizeVox.join("×")}`);
  }
  const [found, wanted] = [labelMap(mask.data), labelMap(reference.data)];
  const perVoxel = { voxelMl: voxelMl(reference.affineRas) };
  return {
    id,
    regions: regions.map(({ name, ...values }): RegionScore => {
      const of = (map: ArrayLike<number>, inside: readonly number[]) =>
        Uint8Array.from(map, (v) => Number(inside.includes(v)));
      const own = of(found, values.mask), other = of(wanted, values.reference);
      return {
        name,
        dice: finite(dice(own, other)),
        hd95Mm: finite(hd95(own, other, { sizeVox, spacingMm, empty: "nan" })),
        volumeMl: volumeMl(own, perVoxel),
        referenceMl: volumeMl(other, perVoxel),
      };
    }),
  } satisfies PatientScore;
}

const finite = (v: number) => (Number.isFinite(v) ? v : null);
const meanOf = (values: readonly (number | null)[]) => finite(nanMean(values.map((v) => v ?? NaN)));

const EMPTY: Metric = { key: "empty", name: "regions with an empty mask", better: "neither", digits: 0 };

/** Columns of a segmentation: the mean Dice, then every region's. */
export function segmentationMetrics(regions: readonly Region[]): Metric[] {
  const both = (name: string, key: string): Metric[] => [
    { key: `dice${key}`, name: `Dice${name}`, better: "higher", digits: 3 },
    { key: `hd95Mm${key}`, name: `HD95${name}, mm`, better: "lower", digits: 2 },
  ];
  const own = regions.length === 1 ? [] : regions.flatMap(({ name }) => both(` ${name}`, ` ${name}`));
  return [...both("", ""), ...own, EMPTY, ...COSTS];
}

/** A patient's mean over the regions, and every region's own. An empty prediction has Dice 0 and no HD95. */
export function patientValues({ id, regions }: PatientScore): PatientValues {
  const own = regions.flatMap((r) => [[`dice ${r.name}`, r.dice], [`hd95Mm ${r.name}`, r.hd95Mm]] as const);
  return {
    id,
    values: {
      dice: meanOf(regions.map((r) => r.dice)),
      hd95Mm: meanOf(regions.map((r) => r.hd95Mm)),
      ...(regions.length > 1 && Object.fromEntries(own)),
    },
  };
}

/** A segmentation row: means over the test patients of all its runs; costs are means over the runs, memory the most. */
export function segmentationRow(results: readonly unknown[]): Pick<Row, "values" | "patients" | "details"> {
  const runs = results as readonly SegmentationResult[];
  const scores = runs.flatMap((r) => r.patients), patients = scores.map(patientValues);
  const keys = [...new Set(patients.flatMap((p) => Object.keys(p.values)))];
  const means: Values = Object.fromEntries(keys.map((key) => [key, meanOf(patients.map((p) => p.values[key]))]));
  const empty = scores.flatMap((p) => p.regions).filter((r) => r.volumeMl === 0 && r.referenceMl > 0).length;
  return {
    values: {
      ...means,
      empty,
      ...costsOf(runs.map((r) => r.cost)),
    },
    patients,
    details: { patients: scores, recipes: runs.map((r) => r.recipe ?? null) },
  };
}
