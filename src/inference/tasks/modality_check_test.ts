/** The check of modalities beside a segmentation, with a hand-made classifier on the CPU engine. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import { type Engine, openEngine } from "../../engine/mod.ts";
import { encodeModel, type Graph, GraphBuilder } from "../../graph/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import { findForeground, readVolume, type Triple } from "../../volume/mod.ts";
import { classify } from "./classify.ts";
import { isCheckingModel, SURE } from "./modality_check.ts";
import { classifierInput, singleInput } from "../prepare/classifier_input.ts";
import { prepare } from "../prepare/preprocess.ts";
import { segment } from "./segment.ts";
import type { Modality } from "../modalities.ts";
import type { ModelSpec } from "../spec.ts";
import { besidesSize } from "../testing/packages.ts";
import type { CheckingModel } from "../types.ts";

const ROI: Triple = [8, 8, 8];
const PREPROCESSING: ModelSpec["preprocessing"] = {
  spacingMm: [2, 2, 2],
  percentiles: { lower: 0, upper: 100, clip: false },
  foregroundMargin: 0,
  percentilesOver: "foreground",
  resize: ROI,
};
const SPEC: ModelSpec = {
  task: "segmentation",
  architecture: { kind: "onnx", config: {} },
  modalities: ["t1", "flair"],
  labels: [{ name: "a", value: 1, colour: "#ff0000" }],
  classes: [],
  preprocessing: { ...PREPROCESSING, foregroundMargin: null, percentilesOver: "volume" },
  inference: { roi: ROI, overlap: 0, blending: "constant", threshold: 0.5 },
};
const CHECK: ModelSpec = {
  ...SPEC,
  task: "classification",
  modalities: ["any"],
  labels: [],
  classes: ["t1", "flair"],
  preprocessing: PREPROCESSING,
};

/** flair where the mean of the volume, mapped to [0, 1], is below a half; where it is above, the other classes alike. */
function byMean(steepness: number, classes: readonly string[]): Graph {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 1, ...ROI] });
  const mean = b.op.Sub(b.op.ReduceMean(image, [2, 3, 4], { keepdims: 0 }), 0.5);
  const signs = tensor("float32", [1, classes.length], classes.map((c) => c === "flair" ? -steepness : steepness));
  return b.build("byMean", { logits: b.op.Mul(mean, signs) });
}

/** The logit of the label: the first channel less a half. */
function firstChannel(): Graph {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 2, ...ROI] });
  const kernel = b.constant(tensor("float32", [1, 2, 1, 1, 1], [1, 0]), "kernel");
  return b.build("first", { out: b.op.Sub(b.op.Conv(image, kernel, null, { kernel_shape: [1, 1, 1] }), 0.5) });
}

async function writePackage(folder: string, name: string, graph: Graph): Promise<string> {
  const directory = join(folder, name);
  await Deno.mkdir(directory);
  await Deno.writeFile(join(directory, "network.onnx"), encodeModel(graph));
  return directory;
}

interface Place {
  readonly engine: Engine;
  readonly folder: string;
  readonly directory: string;
  /** A checking model; how sure it is grows with its steepness. */
  readonly checking: (steepness: number, classes?: readonly string[]) => Promise<CheckingModel>;
  /** Mostly bright: a t1. Mostly dark: a flair. */
  readonly bright: string;
  readonly dark: string;
}

const withPlace = (work: (place: Place) => Promise<void>) =>
  inFolder(async (folder) => {
    const grid = orientedGrid([16, 18, 14], { code: "LPS" });
    const ramp = sampled(grid, ([x]) => -x), greatest = ramp.reduce((a, b) => Math.max(a, b));
    const write = (name: string, power: number) =>
      writeVolume(join(folder, `${name}.nii.gz`), grid, ramp.map((v) => 1 + 99 * (v / greatest) ** power));
    const engine = await openEngine("cpu");
    try {
      await work({
        engine,
        folder,
        directory: await writePackage(folder, "model", firstChannel()),
        checking: async (steepness, classes = CHECK.classes) => ({
          directory: await writePackage(folder, `check-${steepness}-${classes}`, byMean(steepness, classes)),
          spec: { ...CHECK, classes },
        }),
        bright: await write("bright", 0.2),
        dark: await write("dark", 5),
      });
    } finally {
      await engine.close();
    }
  });

Deno.test("segment() and classify() warn of volumes that look like another modality, and of nothing else", () =>
  withPlace(async ({ engine, folder, directory, checking, bright, dark }) => {
    const sure = await checking(20), unsure = await checking(2);
    const run = async (images: Partial<Record<Modality, string>>, modalityCheck?: CheckingModel) => {
      const outPath = join(folder, "mask.nii.gz");
      const request = { directory, spec: SPEC, images, engine, output: "labels" as const, outPath, modalityCheck };
      const { warnings } = await segment({ ...request, onCheckFailed: (error) => assert.fail(String(error)) });
      return besidesSize(warnings).map(({ code, detail }) => `${code}: ${detail}`);
    };
    assert.deepEqual(await run({ t1: bright, flair: dark }, sure), []);
    const swapped = await run({ flair: bright, t1: dark }, sure);
    assert.equal(swapped.length, 2);
    assert.match(swapped[0], /^modality-mismatch: t1 looks like flair \(probability (0\.9\d|1\.00)\)$/);
    assert.match(swapped[1], /^modality-mismatch: flair looks like t1 \(probability (0\.9\d|1\.00)\)$/);
    assert.deepEqual(await run({ flair: bright, t1: dark }, unsure), [], `less sure than ${SURE}`);
    assert.deepEqual(await run({ flair: bright, t1: dark }), [], "no check");

    // a model of one volume of any modality: its input names none, so nothing is checked
    const result = await classify({ ...sure, images: { any: dark }, engine, modalityCheck: sure });
    assert.deepEqual([result.classes.map((c) => c.label), result.warnings], [["t1", "flair"], []]);
    assert.ok(result.classes[1].probability > SURE);
    // a name that the checking model has no class for
    const pd = { ...sure, spec: { ...CHECK, modalities: ["pd" as const] } };
    assert.deepEqual((await classify({ ...pd, images: { pd: dark }, engine, modalityCheck: sure })).warnings, []);
    const t1 = { ...sure, spec: { ...CHECK, modalities: ["t1" as const] } };
    const [warning] = (await classify({ ...t1, images: { t1: dark }, engine, modalityCheck: sure })).warnings;
    assert.equal(warning.code, "modality-mismatch");
  }));

Deno.test("classify() warns of a volume that is none of the modalities", () =>
  withPlace(async ({ engine, checking, bright }) => {
    const check = await checking(20, ["other", "flair"]);
    assert.ok(isCheckingModel(check.spec));
    const own = { ...check, spec: { ...CHECK, modalities: ["flair" as const] } };
    const { warnings } = await classify({ ...own, images: { flair: bright }, engine, modalityCheck: check });
    assert.match(warnings[0].detail!, /^flair looks like none of the modalities that the check knows \(probability /);
  }));

Deno.test("classify() takes T1 before and after contrast for one: no warning between them, one for a volume that looks like either", () =>
  withPlace(async ({ engine, checking, bright, dark }) => {
    // t1 and t1c share the probability of a bright volume half and half
    const check = await checking(20, ["t1", "t1c", "flair"]);
    const run = async (name: Modality, image: string) => {
      const own = { ...check, spec: { ...check.spec, modalities: [name] } };
      const { warnings } = await classify({ ...own, images: { [name]: image }, engine, modalityCheck: check });
      return warnings.map(({ detail }) => detail);
    };
    assert.deepEqual([await run("t1", bright), await run("t1c", bright), await run("flair", dark)], [[], [], []]);
    assert.match((await run("flair", bright)).join(), /^flair looks like t1 \(probability (0\.9\d|1\.00)\)$/);
    assert.match((await run("t1c", dark)).join(), /^t1c looks like flair \(probability (0\.9\d|1\.00)\)$/);
  }));

Deno.test("segment() continues without the check when that fails, and reports it", () =>
  withPlace(async ({ engine, folder, directory, checking, bright, dark }) => {
    const sure = await checking(20);
    const broken: [string, CheckingModel, RegExp][] = [
      ["no network", { ...sure, directory: folder }, /^Error: ENOENT/],
      [
        "other classes",
        { ...sure, spec: { ...CHECK, classes: ["t1", "flair", "t2"] } },
        /^InferenceError: Cannot use the network: expected an output of 3 numbers/,
      ],
      ["no such window", { ...sure, spec: { ...CHECK, inference: { ...CHECK.inference, roi: [0, 8, 8] } } }, /Error/],
    ];
    for (const [what, modalityCheck, expected] of broken) {
      const failures: unknown[] = [];
      const { warnings, labels } = await segment({
        directory,
        spec: SPEC,
        images: { t1: dark, flair: bright },
        engine,
        output: "labels",
        outPath: join(folder, "mask.nii.gz"),
        modalityCheck,
        onCheckFailed: (error) => failures.push(error),
      });
      assert.deepEqual([besidesSize(warnings), labels.length], [[], 1], what);
      assert.ok(failures.length > 0, what);
      for (const failure of failures) assert.match(String(failure), expected, what);
    }
  }));

Deno.test("singleInput() makes of a volume what classify() feeds its network", () =>
  withPlace(async ({ bright }) => {
    const spec: ModelSpec = { ...CHECK, preprocessing: { ...PREPROCESSING, foregroundMargin: 1, resize: [10, 9, 8] } };
    const expected = classifierInput(await prepare({ spec, images: { any: bright } }), spec);
    const volume = await readVolume(bright);
    assert.deepEqual(singleInput("any", { volume, foreground: findForeground(volume) }, spec), expected);
  }));

Deno.test("isCheckingModel() takes a classifier of any volume by modality", () => {
  assert.ok(isCheckingModel(CHECK));
  assert.ok(!isCheckingModel({ ...CHECK, modalities: ["t1"] }));
  assert.ok(!isCheckingModel({ ...CHECK, classes: ["t1", "HGG"] }));
  assert.ok(!isCheckingModel(SPEC));
});
