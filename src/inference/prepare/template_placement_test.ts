import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import { specOf } from "../../../tests/testing/tiny_models.ts";
import type { GridImage, Triple } from "../../volume/mod.ts";
import { prepare } from "./preprocess.ts";
import { fitWords, meanSimilarity, templatePlacement } from "./template_placement.ts";

/** A head whose halves and one side differ; 0 outside it. */
function headAt([x, y, z]: Triple): number {
  const edge = Math.hypot((x - 12) / 9, (y - 14) / 11, (z - 12) / 8);
  return edge > 1 ? 0 : 100 + (Math.hypot(x - 8, y - 10, z - 12) < 4 ? 60 : 0) + (z > 13 ? 40 : 0);
}
const HEAD = orientedGrid([24, 28, 24]);
const head: GridImage = { ...HEAD, data: sampled(HEAD, headAt) };

Deno.test("templatePlacement() finds a head that lies elsewhere, and fits it", () => {
  const there = orientedGrid([24, 28, 24], { originMm: [12, -30, 7] });
  const { affine, similarity, overlap, fits } = templatePlacement(
    new Map([["t1", { ...there, data: head.data }]]),
    new Map([["t1", head]]),
  );
  assert.deepEqual([3, 7, 11].map((k) => Math.round(affine[k])), [12, -30, 7]);
  assert.ok(fits && similarity.t1! > 0.99 && overlap > 0.95, fitWords({ similarity, overlap }));
});

Deno.test("templatePlacement() fits no small part, no other modality and no template that shows nothing", () => {
  const small = orientedGrid([6, 7, 6]), part = { ...small, data: sampled(small, ([x, y, z]) => 50 + x + 9 * y + z) };
  assert.equal(templatePlacement(new Map([["t1", part]]), new Map([["t1", head]])).fits, false);
  for (
    const templates of [
      new Map([["t2", head]] as const),
      new Map(
        [["t1", {
          ...head,
          data: head.data.map(() => 3),
        }]] as const,
      ),
    ]
  ) {
    const none = templatePlacement(new Map([["t1", head]]), new Map(templates));
    assert.deepEqual([none.fits, meanSimilarity(none), fitWords(none)], [false, 0, "similarity 0.00, overlap 0 %"]);
  }
});

Deno.test("prepare() lays the template of a missing modality on the anatomy that another template shows", () =>
  inFolder(async (folder) => {
    const inverse = (mm: Triple) => headAt(mm) === 0 ? 0 : 300 - headAt(mm);
    await Deno.mkdir(join(folder, "templates"));
    await writeVolume(join(folder, "templates", "t1.nii.gz"), HEAD, head.data);
    await writeVolume(join(folder, "templates", "flair.nii.gz"), HEAD, sampled(HEAD, inverse));
    // more air on one side: the middle of the image is not that of the head
    const wide = orientedGrid([34, 28, 24], { originMm: [0, 50, 0] });
    const moved = sampled(wide, ([x, y, z]) => headAt([x, y - 50, z]));
    const images = { t1: await writeVolume(join(folder, "t1.nii"), wide, moved) };
    const { channels: [t1, flair], warnings } = await prepare({
      spec: specOf({ modalities: ["t1", "flair"] }),
      images,
      templates: { directory: folder },
    });
    const wrong = t1.reduce((n, v, i) => n + Number(v > 0.2 && flair[i] < 0.1), 0),
      head1 = t1.filter((v) => v > 0.2).length;
    assert.ok(wrong < 0.1 * head1, `${wrong} of ${head1} voxels of the head without a template`);
    assert.equal(warnings.at(-1)!.detail, "flair is missing; the model's template stands in");
  }));
