import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { makeAnatomy, readAnatomy } from "./anatomy/anatomy.ts";
import { STRUCTURES } from "./anatomy/classes.ts";
import { makeLesionMask } from "./lesions/lesion_masks.ts";
import { MODALITIES } from "./image/modalities.ts";
import { planSubject, type SubjectOptions } from "./plan.ts";
import { renderRegion, simulateCrop, simulateSubject } from "./simulate.ts";
import { sphereHead, sphereLesions } from "./testing/spheres.ts";

const anatomy = makeAnatomy(sphereHead());
const mask = makeLesionMask(sphereLesions(), "ms")!;
const OPTIONS: SubjectOptions = { seed: 3, spacingMm: 4, lesions: [mask], stripped: 0, neckCut: 0 };
const QUIET = { noise: 0.2, bias: 0, motion: 0, thickSlices: 0 };

/** Mean of `image` where `holds`, and how many voxels that is. */
function meanWhere(image: Float32Array, holds: (i: number) => boolean): number {
  let sum = 0, count = 0;
  image.forEach((v, i) => {
    if (!holds(i)) return;
    sum += v;
    count++;
  });
  assert.ok(count > 0, "no voxel to take the mean of");
  return sum / count;
}

const valueOf = (name: typeof STRUCTURES[number]) => STRUCTURES.indexOf(name) + 1;

Deno.test("simulateSubject() gives the same voxels for the same seed and others for another", () => {
  const first = simulateSubject(anatomy, OPTIONS);
  assert.deepEqual(simulateSubject(anatomy, OPTIONS), first);
  const other = simulateSubject(anatomy, { ...OPTIONS, seed: 4 });
  assert.notDeepEqual(other.channels.get("t1"), first.channels.get("t1"));
  assert.notDeepEqual(other.labels, first.labels);
});

Deno.test("simulateSubject() makes every modality finite, of the grid's size, with the head amid air", () => {
  const { grid, channels, labels, lesion } = simulateSubject(anatomy, OPTIONS);
  const voxels = grid.sizeVox[0] * grid.sizeVox[1] * grid.sizeVox[2];
  assert.deepEqual([...channels.keys()], [...MODALITIES]);
  for (const [modality, values] of channels) {
    assert.equal(values.length, voxels);
    assert.equal(values.findIndex((v) => !Number.isFinite(v)), -1, modality);
  }
  assert.deepEqual([labels.length, lesion.length], [voxels, voxels]);
  assert.ok(labels.includes(valueOf("thalamus")) && labels.includes(valueOf("ventricles")));
});

Deno.test("simulateSubject() orders tissues and lesions of every modality as scanners do", () => {
  const scanner = QUIET;
  const { channels, labels, lesion } = simulateSubject(anatomy, { ...OPTIONS, scanner });
  const of = (m: typeof MODALITIES[number]) => {
    const image = channels.get(m)!;
    const at = (name: typeof STRUCTURES[number]) => meanWhere(image, (i) => labels[i] === valueOf(name) && !lesion[i]);
    const white = at("white-matter");
    return {
      grey: at("cortex") / white,
      fluid: at("ventricles") / white,
      lesion: meanWhere(image, (i) => lesion[i] === 1) / white,
    };
  };
  const [t1, , t2, flair, , dwi, adc] = MODALITIES.map(of);
  assert.ok(t1.fluid < t1.grey && t1.grey < 1 && t1.lesion < 1, JSON.stringify(t1));
  assert.ok(t2.fluid > t2.grey && t2.grey > 1 && t2.lesion > 1.1, JSON.stringify(t2));
  assert.ok(flair.fluid < 1 && flair.grey > 1 && flair.lesion > 1.05, JSON.stringify(flair));
  assert.ok(dwi.fluid < 1 && adc.fluid > 2, JSON.stringify({ dwi, adc }));
});

Deno.test("simulateSubject() darkens the ADC of strokes and brightens their diffusion", () => {
  const stroke = makeLesionMask(sphereLesions(), "stroke")!;
  const made = simulateSubject(anatomy, { ...OPTIONS, lesions: [stroke], scanner: QUIET });
  const ratio = (m: "dwi" | "adc") => {
    const image = made.channels.get(m)!, inWhite = (i: number) => made.labels[i] === valueOf("white-matter");
    return meanWhere(image, (i) => inWhite(i) && made.lesion[i] === 1) /
      meanWhere(image, (i) => inWhite(i) && made.lesion[i] === 0);
  };
  assert.ok(ratio("dwi") > 1.25, `dwi ${ratio("dwi")}`);
  assert.ok(ratio("adc") < 0.95, `adc ${ratio("adc")}`);
});

Deno.test("simulateSubject() puts lesions where their kind may lie, and none where there is no mask", () => {
  const { labels, lesion } = simulateSubject(anatomy, OPTIONS);
  const places = new Set(labels.filter((_, i) => lesion[i] === 1));
  assert.ok(places.size > 0, "no lesion");
  for (const place of places) assert.ok([valueOf("white-matter"), valueOf("thalamus")].includes(place), `in ${place}`);
  assert.ok(!simulateSubject(anatomy, { ...OPTIONS, lesions: [] }).lesion.includes(1));
  assert.ok(!simulateSubject(anatomy, { ...OPTIONS, lesionChance: 0 }).lesion.includes(1));
});

Deno.test("simulateSubject() strips the skull of as many as it is told to", () => {
  const stripped = simulateSubject(anatomy, { ...OPTIONS, stripped: 1 });
  const image = stripped.channels.get("t1")!;
  assert.ok(image.filter((v) => v === 0).length > 0.2 * image.length);
  const kept = meanWhere(image.map((v) => Number(v > 0)), (i) => stripped.labels[i] === valueOf("white-matter"));
  assert.ok(kept > 0.99, `white matter kept: ${kept}`);
  assert.equal(simulateSubject(anatomy, OPTIONS).channels.get("t1")!.filter((v) => v === 0).length, 0);
});

Deno.test("simulateSubject() leaves modalities out at the given chance, never all", () => {
  const counts = Array.from(
    { length: 12 },
    (_, seed) => planSubject(anatomy, { ...OPTIONS, seed, missing: 0.5 }).modalities.length,
  );
  assert.ok(counts.some((n) => n < 8) && counts.every((n) => n > 0), counts.join());
  assert.equal(planSubject(anatomy, { ...OPTIONS, missing: 1 }).modalities.length, 1);
});

Deno.test("simulateSubject() with random contrasts makes another order of tissues by seed", () => {
  const isGreyBrighter = (seed: number) => {
    const options = { ...OPTIONS, seed, contrast: "random", modalities: ["t1"], scanner: QUIET } as const;
    const { channels, labels } = simulateSubject(anatomy, options);
    const at = (name: typeof STRUCTURES[number]) => meanWhere(channels.get("t1")!, (i) => labels[i] === valueOf(name));
    return at("cortex") > at("white-matter");
  };
  assert.equal(new Set([1, 2, 3, 4, 5, 6].map(isGreyBrighter)).size, 2);
});

Deno.test("renderRegion() of a part has the labels and lesions of the whole there", () => {
  const plan = planSubject(anatomy, OPTIONS), { sizeVox } = plan.grid;
  const whole = renderRegion(plan, { fromVox: [0, 0, 0], sizeVox });
  const region = { fromVox: [9, 11, 13], sizeVox: [16, 12, 20] } as const;
  const part = renderRegion(plan, region);
  for (let x = 0, i = 0; x < 16; x++) {
    for (let y = 0; y < 12; y++) {
      for (let z = 0; z < 20; z++, i++) {
        const at = ((x + 9) * sizeVox[1] + y + 11) * sizeVox[2] + z + 13;
        assert.equal(part.labels[i], whole.labels[at], `label at ${x}, ${y}, ${z}`);
        assert.equal(part.lesion[i], whole.lesion[at], `lesion at ${x}, ${y}, ${z}`);
      }
    }
  }
  const shift = [0, 1, 2].map((a) => part.grid.affineRas[4 * a + 3] - whole.grid.affineRas[4 * a + 3]);
  assert.deepEqual(shift.map((v, a) => Math.round(v / 4) - region.fromVox[a]), [0, 0, 0]);
});

Deno.test("renderRegion() of a part has the whole's image there but for noise", () => {
  const scanner = { ...QUIET, noise: 0, thickSlices: 0.5, bias: 0.1 };
  const plan = planSubject(anatomy, { ...OPTIONS, scanner }), { sizeVox } = plan.grid;
  const whole = renderRegion(plan, { fromVox: [0, 0, 0], sizeVox });
  const part = renderRegion(plan, { fromVox: [12, 12, 12], sizeVox: [16, 16, 16] });
  for (const [modality, values] of part.channels) {
    let worst = 0, scale = 0;
    for (let x = 0, i = 0; x < 16; x++) {
      for (let y = 0; y < 16; y++) {
        for (let z = 0; z < 16; z++, i++) {
          const there = whole.channels.get(modality)![((x + 12) * sizeVox[1] + y + 12) * sizeVox[2] + z + 12];
          worst = Math.max(worst, Math.abs(values[i] - there));
          scale = Math.max(scale, there);
        }
      }
    }
    assert.ok(worst < 0.02 * scale, `${modality}: ${worst} of ${scale}`);
  }
});

Deno.test("simulateCrop() gives crops of the asked size that the brain reaches", () => {
  for (let seed = 0; seed < 6; seed++) {
    const { channels, labels } = simulateCrop(anatomy, { ...OPTIONS, seed, sizeVox: [16, 16, 16] });
    assert.equal(channels.get("flair")!.length, 16 ** 3);
    assert.ok(labels.some((l) => l > 0), `no structure with seed ${seed}`);
  }
});

Deno.test("planSubject() refuses spacings and modalities that make no image", () => {
  assert.throws(
    () => planSubject(anatomy, { seed: 1, spacingMm: 0 }),
    /Cannot simulate a subject: expected a spacing above 0 and a modality, got 0 and 8/,
  );
  assert.throws(() => planSubject(anatomy, { seed: 1, modalities: [] }), /got 1 and 0/);
});

Deno.test("makeAnatomy() refuses label maps of other numbers or without a brain", () => {
  const head = sphereHead();
  const foreign = { ...head, data: head.data.map((v) => v === 2 ? 999 : v) };
  assert.throws(
    () => makeAnatomy(foreign),
    /Cannot make an anatomy: expected FreeSurfer's numbers and 502 to 530, got 999/,
  );
  const empty = { ...head, data: head.data.map((v) => v === 2 || v === 41 ? 24 : v) };
  assert.throws(() => makeAnatomy(empty), /Cannot make an anatomy: expected white matter \(2 or 41\), got none/);
});

const REAL = "../shared/data/anatomies/anatomy01.nii.gz";

Deno.test({
  name: `simulateCrop() makes crops of a real head (skipped where ../shared/data/anatomies is absent)`,
  ignore: !existsSync(REAL),
  async fn() {
    const real = await readAnatomy(REAL);
    const { labels, channels } = simulateCrop(real, { seed: 5, sizeVox: [64, 64, 64], scanner: QUIET });
    assert.ok(new Set(labels).size > 4, `structures: ${[...new Set(labels)]}`);
    const t1 = channels.get("t1")!, t2 = channels.get("t2")!;
    const white = (i: number) => labels[i] === valueOf("white-matter"),
      grey = (i: number) => labels[i] === valueOf("cortex");
    assert.ok(meanWhere(t1, grey) < 0.95 * meanWhere(t1, white));
    assert.ok(meanWhere(t2, grey) > 1.1 * meanWhere(t2, white));
  },
});
