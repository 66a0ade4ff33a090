import assert from "node:assert/strict";
import { join } from "node:path";
import { specOf } from "../../../tests/testing/tiny_models.ts";
import { inFolder, orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import type { ModelSpec } from "../../inference/mod.ts";
import { readVolume, type Triple } from "../../volume/mod.ts";
import { type LabelledCasesOptions, openLabelledCases } from "./labelled_cases.ts";
import { type TrainingCase, TrainingError } from "../types.ts";

const SIZE: Triple = [10, 12, 14];

/** Case `i` on its own grid: a block of `i + 2`³ labelled voxels in a head that fills the volume but a border. */
async function writeCase(folder: string, i: number): Promise<TrainingCase> {
  const grid = orientedGrid(SIZE, { code: ["LAS", "PSR", "RAS"][i % 3] });
  const inside = (v: number, n: number) => v >= 2 && v < n - 1;
  const head = Float32Array.from({ length: 10 * 12 * 14 }, (_, v) => {
    const at = [Math.floor(v / 168), Math.floor(v / 14) % 12, v % 14];
    return at.every((c, a) => inside(c, SIZE[a])) ? 10 + v % 7 + i : 0;
  });
  const label = Uint8Array.from(head, (_, v) => {
    const at = [Math.floor(v / 168), Math.floor(v / 14) % 12, v % 14];
    return at.every((c) => c >= 3 && c < 5 + i) ? 1 + at[2] % 2 : 0;
  });
  const write = (role: string, data: Float32Array | Uint8Array) =>
    writeVolume(join(folder, `case${i}-${role}.nii`), grid, data);
  const images = { t1: await write("t1", head), flair: await write("flair", head.map((v) => v * v)) };
  return { id: `case ${i}`, patient: `p${i}`, images, label: await write("label", label), className: "ab"[i % 2] };
}

const SEGMENTATION = specOf({
  task: "segmentation",
  modalities: ["t1", "flair"],
  labels: [
    { name: "any", value: 1, sourceValues: [1, 2], colour: "#000000" },
    { name: "second", value: 2, colour: "#000000" },
  ],
});

async function optionsFor(
  folder: string,
  count: number,
  changes: Partial<LabelledCasesOptions> = {},
): Promise<LabelledCasesOptions> {
  const cases = await Promise.all(Array.from({ length: count }, (_, i) => writeCase(folder, i)));
  return { cases, spec: SEGMENTATION, templates: null, directory: join(folder, "cases"), ...changes };
}

const filesIn = (folder: string) => [...Deno.readDirSync(folder)].map((f) => f.name).toSorted();

const refused = (message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof TrainingError && error.code === "invalid-data", String(error));
  if (typeof message === "string") assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};

Deno.test("openLabelledCases() holds channels, one mask a label by its source values, and the labelled voxels", () =>
  inFolder(async (folder) => {
    const told: string[] = [];
    const { store: cases } = await openLabelledCases(
      await optionsFor(folder, 2, { onCase: (done, total) => told.push(`${done}/${total}`) }),
    );
    assert.deepEqual([cases.length, told], [2, ["1/2", "2/2"]]);
    const { sizeVox, channels, templates, regions, labelled, classTarget } = await cases.get(0);
    // LAS to RAS; the head's box grown by the margin of 1
    assert.deepEqual(sizeVox, [9, 11, 13]);
    assert.equal(channels.length, 2);
    assert.deepEqual([templates, classTarget], [[], undefined]);
    assert.deepEqual(regions.map((r) => r.reduce((a, b) => a + b)), [8, 4]);
    assert.deepEqual([...labelled], [...regions[0].keys()].filter((v) => regions[0][v] === 1));
    assert.ok(regions[1].every((v, i) => v <= regions[0][i]));
  }));

Deno.test("openLabelledCases() reads what an earlier run prepared, the same arrays", () =>
  inFolder(async (folder) => {
    const options = await optionsFor(folder, 2);
    const { store: first, sizes } = await openLabelledCases(options);
    const before = [await first.get(0), await first.get(1)];
    const files = filesIn(options.directory);
    assert.equal(files.length, 2);
    const times = files.map((f) => Deno.statSync(join(options.directory, f)).mtime!.getTime());
    const { store: again, sizes: known } = await openLabelledCases(options);
    assert.deepEqual(known, sizes);
    assert.deepEqual([await again.get(0), await again.get(1)], before);
    assert.deepEqual(filesIn(options.directory), files);
    assert.deepEqual(files.map((f) => Deno.statSync(join(options.directory, f)).mtime!.getTime()), times);
  }));

Deno.test("openLabelledCases() prepares again for other preprocessing, labels, templates and files", () =>
  inFolder(async (folder) => {
    const options = await optionsFor(folder, 1);
    const count = async (changes: Partial<LabelledCasesOptions>) => {
      await openLabelledCases({ ...options, ...changes });
      return filesIn(options.directory).length;
    };
    const { preprocessing, labels } = SEGMENTATION;
    const spec = (changes: Partial<ModelSpec>) => ({ spec: { ...SEGMENTATION, ...changes } });
    assert.equal(await count({}), 1);
    assert.equal(await count(spec({ preprocessing: { ...preprocessing, foregroundMargin: 2 } })), 2);
    assert.equal(await count(spec({ labels: labels.slice(1) })), 3);
    assert.equal(await count({ templates: { directory: folder, fit: "centred" } }), 4);
    assert.equal(await count({ templates: { directory: folder, fit: "raw" } }), 5);
    assert.equal(await count({ onCase: () => {} }), 5);
    assert.equal(await count(spec({ preprocessing: { ...preprocessing, percentilesOver: "foreground" } })), 6);
    await Deno.utime(options.cases[0].images.t1!, new Date(), new Date(2020, 1, 1));
    assert.equal(await count({}), 7);
  }));

Deno.test("openLabelledCases() makes a damaged file again", () =>
  inFolder(async (folder) => {
    const options = await optionsFor(folder, 1);
    const before = await (await openLabelledCases(options)).store.get(0);
    const path = join(options.directory, filesIn(options.directory)[0]);
    const whole = await Deno.readFile(path);
    for (const damaged of [whole.subarray(0, 1000), whole.subarray(0, 10), new Uint8Array()]) {
      await Deno.writeFile(path, damaged);
      assert.deepEqual(await (await openLabelledCases(options)).store.get(0), before);
      assert.deepEqual(await Deno.readFile(path), whole);
    }
  }));

Deno.test("openLabelledCases() keeps no more cases in memory than fit, but always the last", () =>
  inFolder(async (folder) => {
    const options = await optionsFor(folder, 4);
    const { bytesInMemory: all } = (await openLabelledCases(options)).store;
    const one = (await openLabelledCases({ ...options, cacheBytes: 1 })).store.bytesInMemory;
    assert.ok(one > 9 * 11 * 13 * 10 && one < all / 3, `${one} of ${all}`);
    const { store: cases } = await openLabelledCases({ ...options, cacheBytes: 2.5 * one });
    const kept = await cases.get(3);
    assert.equal(await cases.get(3), kept, "from memory");
    for (const i of [0, 1, 2, 3, 1, 0]) {
      await cases.get(i);
      assert.ok(cases.bytesInMemory <= 2.5 * one);
    }
    assert.notEqual(await cases.get(3), kept);
    assert.deepEqual(await cases.get(3), kept);
  }));

Deno.test("openLabelledCases() puts each modality's template under it, 0 where the base has none", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "templates"));
    const atlas = orientedGrid([16, 16, 16]);
    await writeVolume(
      join(folder, "templates", "flair.nii.gz"),
      atlas,
      sampled(atlas, ([x, y, z]) => 256 * x + 16 * y + z),
    );
    const options = await optionsFor(folder, 1);
    const first = async (fit: "centred" | "raw") => {
      const { templates, sizeVox } =
        await (await openLabelledCases({ ...options, templates: { directory: folder, fit } })).store.get(0);
      assert.deepEqual(templates.map((t) => t.length), [9 * 11 * 13, 9 * 11 * 13]);
      assert.deepEqual([new Set(templates[0]), sizeVox], [new Set([0]), [9, 11, 13]]);
      return templates[1][0];
    };
    // crop from (0, 1, 1) of the RAS volume (x is flipped); the template is centred with starts (3, 2, 1)
    assert.ok(Math.abs(await first("centred") - (256 * 3 + 16 * 3 + 2) / 4095) < 1e-6);
    assert.equal(await first("raw"), 17);
  }));

Deno.test("openLabelledCases() lays templates on the anatomy, and leaves them out of a case that they do not fit", () =>
  inFolder(async (folder) => {
    const head = orientedGrid([24, 28, 24]),
      valueAt = ([x, y, z]: Triple) => {
        const edge = Math.hypot((x - 12) / 9, (y - 14) / 11, (z - 12) / 8);
        return edge > 1 ? 0 : 100 + 10 * edge + (Math.hypot(x - 8, y - 10, z - 12) < 4 ? 60 : 0) + (z > 13 ? 40 : 0);
      };
    const shifted = orientedGrid([24, 28, 24], { originMm: [30, -20, 10] });
    const values = sampled(head, valueAt);
    await Deno.mkdir(join(folder, "templates"));
    await writeVolume(join(folder, "templates", "t1.nii.gz"), head, values);
    const label = await writeVolume(
      join(folder, "label.nii"),
      shifted,
      Uint8Array.from(values, (v) => Number(v > 150)),
    );
    const small = orientedGrid([6, 6, 6]);
    const part = await writeVolume(join(folder, "part.nii"), small, sampled(small, ([x, y, z]) => 50 + x + 9 * y + z));
    const partLabel = await writeVolume(join(folder, "part-label.nii"), small, new Uint8Array(216).fill(1));
    const t1 = await writeVolume(join(folder, "t1.nii"), shifted, values);
    const options: LabelledCasesOptions = {
      cases: [
        { id: "a", patient: "a", images: { t1 }, label },
        { id: "b", patient: "b", images: { t1: part }, label: partLabel },
      ],
      spec: {
        ...SEGMENTATION,
        modalities: ["t1"],
        labels: SEGMENTATION.labels.slice(0, 1),
        preprocessing: { ...SEGMENTATION.preprocessing, percentilesOver: "foreground" },
      },
      templates: { directory: folder, fit: "registered" },
      directory: join(folder, "cases"),
    };
    const { store, placements } = await openLabelledCases(options);
    const [{ channels: [image], templates: [under] }, { templates: none }] = [await store.get(0), await store.get(1)];
    const error = Math.max(...image.map((v, i) => Math.abs(v - under[i])));
    assert.deepEqual(placements.map((p) => p!.fits), [true, false]);
    assert.ok(placements[0]!.similarity.t1! > 0.99 && placements[0]!.overlap > 0.95, JSON.stringify(placements[0]));
    assert.ok(placements[1]!.overlap < 0.45, JSON.stringify(placements[1]));
    assert.deepEqual([...placements[0]!.affine.slice(0, 12)].map((v) => Math.round(v) + 0), [
      1,
      0,
      0,
      30,
      0,
      1,
      0,
      -20,
      0,
      0,
      1,
      10,
    ]);
    const mean = image.reduce((sum, v, i) => sum + Math.abs(v - under[i]), 0) / image.length;
    assert.ok(mean < 0.02, `mean difference ${mean}, largest ${error}`);
    assert.deepEqual(none, []);
    const again = await openLabelledCases(options);
    assert.deepEqual(again.placements, placements, "read back");
    assert.deepEqual((await again.store.get(1)).templates, []);
  }));

Deno.test("openLabelledCases() resizes for a classification and gives the class as a one-hot row", () =>
  inFolder(async (folder) => {
    const { preprocessing } = SEGMENTATION;
    const spec: ModelSpec = {
      ...SEGMENTATION,
      task: "classification",
      labels: [],
      classes: ["a", "b"],
      preprocessing: { ...preprocessing, resize: [8, 6, 4] },
    };
    const options = await optionsFor(folder, 2, { spec });
    const { store: cases } = await openLabelledCases(options);
    const { sizeVox, channels, regions, labelled, classTarget } = await cases.get(1);
    assert.deepEqual(sizeVox, [8, 6, 4]);
    assert.deepEqual(channels.map((c) => c.length), [192, 192]);
    assert.deepEqual([regions, [...labelled], [...classTarget!]], [[], [], [0, 1]]);
    await assert.rejects(
      openLabelledCases({ ...options, spec: { ...spec, classes: ["a", "c"] } }),
      refused("Cannot train on case 2: expected a class among a, c"),
    );
  }));

Deno.test("openLabelledCases() uses the files that are asked for, in the model's order, and no others", () =>
  inFolder(async (folder) => {
    const options = await optionsFor(folder, 1);
    const [{ images, ...rest }] = options.cases;
    const cases = [{ ...rest, images: { dwi: "/nowhere", flair: images.flair, t1: images.t1 } }];
    const { channels } = await (await openLabelledCases({ ...options, cases })).store.get(0);
    assert.deepEqual(channels, (await (await openLabelledCases(options)).store.get(0)).channels);
    assert.equal(filesIn(options.directory).length, 1);
  }));

Deno.test("openLabelledCases() reports what is odd about a case when it prepares it", () =>
  inFolder(async (folder) => {
    const options = await optionsFor(folder, 2);
    const other = orientedGrid([20, 20, 20], { originMm: [-12, -4, -2] });
    const flair = await writeVolume(
      join(folder, "other.nii"),
      other,
      sampled(other, ([x, y, z]) => 3 + (x * y + z) % 5),
    );
    const cases = [options.cases[0], { ...options.cases[1], images: { ...options.cases[1].images, flair } }];
    const warnings: string[] = [];
    const open = () => openLabelledCases({ ...options, cases, onWarning: (i, w) => warnings.push(`${i} ${w.code}`) });
    await open();
    await open();
    assert.deepEqual(warnings, ["1 grids-differ"]);
  }));

Deno.test("openLabelledCases() lays labels on the network's axes and crops, whatever they are", () =>
  inFolder(async (folder) => {
    const options = await optionsFor(folder, 3);
    const cases = await Promise.all(options.cases.map(async (own, i) => {
      // an image that shows its labels
      const { data, header } = await readVolume(own.label!);
      const path = await writeVolume(join(folder, `shown${i}.nii`), header, data.map((v) => v > 0 ? 9 : v));
      return { ...own, images: { t1: path, flair: path } };
    }));
    const ways = [
      { spacingMm: null, orientation: "file", axes: "ZYX", foreground: "whole", foregroundMargin: null },
      { orientation: "PIR", foreground: "positive", foregroundMargin: 1, order: ["resample", "crop", "normalise"] },
      {
        axes: "YZX",
        alignment: "extent",
        order: ["crop", "normalise", "resample"],
        foreground: "nonzero",
        foregroundMargin: 0,
      },
    ] as const;
    for (const [n, way] of ways.entries()) {
      const preprocessing = { ...SEGMENTATION.preprocessing, normalisation: [{ kind: "none" }], ...way } as const;
      const spec = { ...SEGMENTATION, preprocessing };
      const { store } = await openLabelledCases({ ...options, cases, spec, directory: join(folder, `${n}`) });
      for (const i of cases.keys()) {
        const { channels, regions, sizeVox } = await store.get(i);
        assert.deepEqual(
          [...regions[0]],
          [...channels[0]].map((v) => Number(v === 9)),
          `way ${n}, case ${i}: ${sizeVox}`,
        );
        assert.ok(regions[0].includes(1));
      }
    }
  }));

Deno.test("openLabelledCases() keeps a lesion of one voxel of 0.4×0.4×5 mm, and knows its volume there and in its file", () =>
  inFolder(async (folder) => {
    const options = await optionsFor(folder, 1);
    const thin = orientedGrid([25, 30, 3], { code: "LAS", spacingMm: [0.4, 0.4, 5] });
    const label = new Uint8Array(25 * 30 * 3);
    label[(11 * 30 + 13) * 3 + 1] = 2;
    const cases = [{ ...options.cases[0], label: await writeVolume(join(folder, "one.nii"), thin, label) }];
    const { store, sizes } = await openLabelledCases({ ...options, cases });
    const { regions, labelled, placed } = await store.get(0);
    assert.deepEqual(regions.map((r) => r.reduce((a, b) => a + b)), [1, 1]);
    assert.equal(labelled.length, 1);
    assert.deepEqual(placed!.labelGrid.sizeVox, [25, 30, 3]);
    const expected = { components: 1, outside: 0, fileMl: "0.0008", gridMl: "0.0010" };
    assert.deepEqual(
      sizes[0].map((s) => ({ ...s, fileMl: s.fileMl.toFixed(4), gridMl: s.gridMl.toFixed(4) })),
      [{ ...expected, label: "any" }, { ...expected, label: "second" }],
    );
  }));

Deno.test("openLabelledCases() refuses cases by their number, without their files' names", () =>
  inFolder(async (folder) => {
    const options = await optionsFor(folder, 2);
    const [good, bad] = options.cases;
    const open = (changes: Partial<TrainingCase>) =>
      openLabelledCases({ ...options, cases: [good, { ...bad, ...changes }] });
    await assert.rejects(open({ label: undefined }), refused("Cannot train on case 2: it has no label map"));
    await assert.rejects(
      open({ images: { t1: good.images.t1 } }),
      refused("Cannot train on case 2: Cannot run the model: it takes t1, flair; missing: flair"),
    );
    const secret = join(folder, "surname.nii.gz");
    await assert.rejects(open({ label: secret }), refused("Cannot train on case 2: its label cannot be read"));
    await Deno.writeTextFile(secret, "no volume");
    await assert.rejects(open({ label: secret }), (error) => {
      assert.ok(!(error as Error).message.includes("surname"));
      return refused(/^Cannot train on case 2: label: Cannot read/)(error);
    });
  }));
