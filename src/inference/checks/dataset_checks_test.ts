import assert from "node:assert/strict";
import { spacingAffine } from "../../volume/mod.ts";
import { headFacts, tissueOf } from "../testing/facts.ts";
import { type CaseOfSet, datasetDoubts } from "./dataset_checks.ts";
import type { VolumeFacts } from "./facts.ts";

const LABEL = { value: 1, voxels: 1000, border: [], box: { lowMm: [0, 0, 0], highMm: [1, 1, 1] } } as const;

/** Six cases of heads that differ a little; the last with changes. */
function casesOf(changes: Partial<VolumeFacts> = {}): CaseOfSet[] {
  return [0, 1, 2, 3, 4, 5].map((i) => ({
    id: `case${i}`,
    patient: `patient${i}`,
    images: {
      t1: headFacts({
        affineRas: spacingAffine([1 + i / 50, 1, 1.2]),
        range: { min: 0, max: 500 * 1.2 ** i },
        foreground: tissueOf([140, 170 + 4 * i, 150]),
        ...i === 5 && changes,
      }),
    },
  }));
}

Deno.test("datasetDoubts() has none about heads that differ as heads do", () => {
  assert.deepEqual(datasetDoubts(casesOf()), []);
});

Deno.test("datasetDoubts() names outliers with their figure and the median", () => {
  const cases: [Partial<VolumeFacts>, string, string][] = [
    [
      { affineRas: spacingAffine([1, 5, 1]) },
      "outlier-voxel-size",
      "t1: the sides of its voxels are 1 × 1 × 5 mm, expected about 1 × 1.03 × 1.2, the median of 6 cases; it was used; " +
      "check its header, or leave the case out",
    ],
    [
      { sizeVox: [600, 600, 155] },
      "outlier-field-of-view",
      "t1: the longest side of its field of view is 660 mm, expected about 252, the median of 6 cases; ",
    ],
    [
      { foreground: tissueOf([60, 90, 70]) },
      "outlier-head-size",
      "t1: the longest side of its tissue is 90 mm, expected about 176, the median of 6 cases; ",
    ],
    [
      { range: { min: 0, max: 0.25 } },
      "outlier-intensities",
      "t1: its intensities span 0.25, expected about 660, the median of 6 cases; ",
    ],
  ];
  for (const [changes, code, detail] of cases) {
    const doubts = datasetDoubts(casesOf(changes)).filter((d) => d.code === code);
    assert.equal(doubts.length, 1, code);
    assert.equal(doubts[0].case, "case5");
    assert.ok(doubts[0].detail.startsWith(detail), doubts[0].detail);
  }
});

Deno.test("datasetDoubts() calls nothing usual among four cases, or where half of them are otherwise", () => {
  const thick = { affineRas: spacingAffine([1, 1, 5]) };
  assert.deepEqual(datasetDoubts(casesOf(thick).slice(2)), []);
  const mixed = casesOf().map((c, i) => i % 2 ? { ...c, images: { t1: { ...c.images.t1!, ...thick } } } : c);
  assert.deepEqual(datasetDoubts(mixed), []);
});

Deno.test("datasetDoubts() names a label that is far larger or smaller than elsewhere", () => {
  const labelled = (volumes: readonly number[]) =>
    casesOf().map((c, i) => ({ ...c, labels: [{ ...LABEL, volumeMl: volumes[i] }] }));
  assert.deepEqual(datasetDoubts(labelled([1.2, 1.5, 1.9, 2.1, 1.4, 2.6])), []);
  // lesions differ so much that none is an outlier
  assert.deepEqual(datasetDoubts(labelled([0.3, 52, 8, 1.3, 14, 3])), []);
  for (const [volume, shown] of [[16, "16"], [0.17, "0.17"]] as const) {
    assert.deepEqual(datasetDoubts(labelled([1.2, 1.5, 1.9, 2.1, 1.4, volume])), [{
      case: "case5",
      code: "outlier-label-volume",
      detail:
        `label 1 has ${shown} mL, expected about ${volume > 1 ? 1.7 : 1.45}, the median of 6 cases that have it; it ` +
        "was used; check the label map, or leave the case out",
    }]);
  }
});

Deno.test("datasetDoubts() names an image that another case has too, of this patient or another", () => {
  const [a, b, c] = casesOf();
  const copied = [a, { ...b, images: { flair: a.images.t1 } }, { ...c, patient: a.patient, images: a.images }];
  assert.deepEqual(datasetDoubts(copied), [
    {
      case: "case1",
      code: "same-image-in-cases",
      detail:
        "flair is the same image as t1 of case 1 of 3, of another patient, so that training and validation may see " +
        "the same image; expected an image of its own; both were used; remove one of the cases, or name the same patient " +
        "for both",
    },
    {
      case: "case2",
      code: "same-image-in-cases",
      detail:
        "t1 is the same image as t1 of case 1 of 3, of the same patient; expected an image of its own; both were " +
        "used; remove one of the cases, or name the same patient for both",
    },
  ]);
});
