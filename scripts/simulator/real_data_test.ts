/** Simulated against real patients: the spread of signals in the middle of stripped brains, modality by modality. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readVolume, toRas } from "../../src/volume/mod.ts";
import { readAnatomy } from "./anatomy/anatomy.ts";
import type { Modality } from "./image/modalities.ts";
import { planSubject } from "./plan.ts";
import { renderRegion } from "./simulate.ts";

const DATA = "../shared/data";
const COMPARED: readonly Modality[] = ["t1", "t1c", "t2", "flair"];
/** Millimetres above the anterior commissure that are compared: ventricles, deep nuclei, white matter and cortex. */
const SLAB = [0, 32] as const;
const SHARES = [0.05, 0.25, 0.5, 0.75, 0.95] as const;

/** Signals at {@link SHARES} of the voxels above 0, the median being 1. */
function quantiles(values: Float32Array): number[] {
  const sorted = values.filter((v) => v > 0).sort();
  const at = SHARES.map((share) => sorted[Math.floor(share * (sorted.length - 1))]);
  return at.map((v) => v / at[2]);
}

/** Means over subjects, quantile by quantile. */
function meanRows(rows: readonly number[][]): number[] {
  return rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
}

async function realQuantiles(modality: Modality): Promise<number[]> {
  const rows: number[][] = [];
  for (const patient of ["patient07", "patient19", "patient26"]) {
    const { data, sizeVox, affineRas } = toRas(await readVolume(join(DATA, "ms", patient, `${modality}.nii.gz`)));
    const low = SLAB[0] - affineRas[11], high = SLAB[1] - affineRas[11], nz = sizeVox[2];
    rows.push(quantiles(data.filter((_, i) => i % nz >= low && i % nz <= high)));
  }
  return meanRows(rows);
}

async function simulatedQuantiles(): Promise<Map<Modality, number[]>> {
  const rows = new Map<Modality, number[][]>(COMPARED.map((m) => [m, []]));
  for (const name of ["anatomy03", "anatomy12"]) {
    const anatomy = await readAnatomy(join(DATA, "anatomies", `${name}.nii.gz`));
    for (let seed = 0; seed < 4; seed++) {
      const { grid, ...plan } = planSubject(anatomy, { seed, modalities: COMPARED, stripped: 1, spacingMm: 1.5 });
      const z = Math.round((SLAB[0] - grid.affineRas[11]) / grid.affineRas[10]);
      const sizeVox = [grid.sizeVox[0], grid.sizeVox[1], Math.round((SLAB[1] - SLAB[0]) / 1.5)] as const;
      const { channels } = renderRegion({ grid, ...plan }, { fromVox: [0, 0, z], sizeVox });
      for (const [modality, values] of channels) rows.get(modality)!.push(quantiles(values));
    }
  }
  return new Map([...rows].map(([modality, own]) => [modality, meanRows(own)]));
}

/** Largest difference of two quantiles, in medians. */
const TOLERANCE = 0.15;

Deno.test({
  name: "simulated brains spread their signals as the patients of ms do (skipped where ../shared/data is absent)",
  ignore: !existsSync(join(DATA, "ms")) || !existsSync(join(DATA, "anatomies")),
  async fn() {
    const simulated = await simulatedQuantiles();
    for (const modality of COMPARED) {
      const real = await realQuantiles(modality), ours = simulated.get(modality)!;
      const text = `${modality}: real ${real.map((v) => v.toFixed(2))}, simulated ${ours.map((v) => v.toFixed(2))}`;
      real.forEach((v, i) => assert.ok(Math.abs(v - ours[i]) <= TOLERANCE * Math.max(1, v), text));
    }
  },
});
