/** The command line from labelled phantoms to masks and classes, with a tiny untrained encoder: no server. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { zipSync } from "fflate";
import { inTemp, run } from "../src/cli/testing/cli.ts";
import { readVolume } from "../src/volume/mod.ts";
import { writePhantomDataset } from "../scripts/phantoms/files.ts";
import { TINY_PRETRAINING } from "./testing/pretraining.ts";
import { shipTinyEncoder, TINY_SIZE } from "./testing/tiny_models.ts";

const roi: [number, number, number] = [TINY_SIZE, TINY_SIZE, TINY_SIZE];
const PHANTOMS = { seed: 5, sizeVox: roi, spacingMm: [4, 4, 4], lesions: 6 } as const;

/** Makes an encoder package in `<root>/shipped/tiny/1`; returns the flags that every command then needs. */
async function workplace(root: string) {
  await shipTinyEncoder(join(root, "shipped"));
  const models = ["--models", join(root, "shipped")];
  const where = ["--data", join(root, "data"), ...models];
  const finetune = (...argv: string[]) => {
    const fixed = ["--model", "tiny", "--roi", String(TINY_SIZE), "--store", join(root, "data"), ...models];
    return ["finetune", ...fixed, "--provider", "cpu", "--json", ...argv];
  };
  return { where, finetune };
}

function imageFlags(folder: string): string[] {
  return ["flair", "t1", "t1c", "t2"].flatMap((m) => [`--${m}`, join(folder, `${m}.nii.gz`)]);
}

/** Runs a command that prints JSON lines; stops it, as Ctrl-C does, at its n-th progress line. */
async function events(argv: readonly string[], { stopAt = Infinity } = {}) {
  const controller = new AbortController();
  let seen = 0;
  const { code, out, err } = await run(argv, {
    signal: controller.signal,
    onOut: (line) => {
      if (line.includes('"progress"') && ++seen === stopAt) controller.abort();
    },
  });
  return { code, err, lines: out.map((line) => JSON.parse(line)) };
}

Deno.test("finetune is stopped, resumes, makes one candidate; segment uses it by name and by path; evaluate scores it", () =>
  inTemp(async (root) => {
    const { where, finetune } = await workplace(root);
    const cases = join(root, "cases");
    await writePhantomDataset(cases, { ...PHANTOMS, count: 2 });
    const command = finetune(
      "--data",
      cases,
      "--name",
      "lesions",
      "--steps",
      "12",
      "--seed",
      "3",
      "--validation",
      "none",
    );

    const stopped = await events(command, { stopAt: 1 });
    assert.equal(stopped.code, 1);
    const { code, message } = stopped.lines.at(-1);
    assert.equal(code, "cancelled");
    assert.match(message, /^Stopped after update \d+ of 12 \(final\)\. The checkpoint is kept: /);
    const done = Number(/update (\d+)/.exec(message)![1]);
    const kept = await readdir(join(root, "data/finetunes"));
    assert.equal(kept.length, 1);

    const resumed = await events(command);
    assert.equal(resumed.code, 0, resumed.err);
    assert.ok(resumed.lines.some((l) => l.message === "Resuming where this fine-tune was stopped"));
    assert.equal(resumed.lines.find((l) => l.type === "progress").step, done + 1);
    const { warnings, ...result } = resumed.lines.at(-1);
    assert.deepEqual(result, { type: "result", model: "lesions", version: 1, existed: false, validation: null });
    // twelve updates find nothing even in the case that they were trained on
    assert.deepEqual(warnings.map((w: { code: string }) => w.code), ["no-better-than-nothing"]);
    assert.deepEqual(await readdir(join(root, "data/finetunes")), [], "prepared cases must not stay");

    const again = await events(command);
    assert.deepEqual([again.code, again.lines.at(-1).existed, again.lines.at(-1).version], [0, true, 1]);
    assert.deepEqual(again.lines.at(-1).warnings, warnings, "a second run must not hide them");
    const words = await run(command.filter((word) => word !== "--json"), { isTerminal: true });
    const [red] = words.out[0].split("\nThis fine-tune was done before");
    assert.ok(red.startsWith("\x1b[31mWarning: The fine-tune finds next to nothing in the cases"), red);
    assert.ok(red.endsWith("uses it\x1b[0m"), red);

    const image = join(cases, "cases/phantom001");
    const [prediction, reference] = [join(root, "prediction"), join(root, "reference")];
    for (const folder of [prediction, reference]) await Deno.mkdir(folder);
    const out = join(prediction, "one.nii.gz");
    const segment = (
      model: string,
    ) => ["segment", "--model", model, ...imageFlags(image), "--out", out, "--provider", "cpu", "--json", ...where];
    const early = await events(segment("lesions"));
    assert.deepEqual([early.code, early.lines.at(-1).code], [1, "model-not-served"]);
    assert.equal((await run(["models", "approve", "lesions", "1", "--by", "test", ...where])).code, 0);
    for (const model of ["lesions", join(root, "data/models/lesions/1")]) {
      const { code, err, lines } = await events(segment(model));
      assert.equal(code, 0, err);
      const { type, provider, labels } = lines.at(-1);
      assert.deepEqual([type, provider, labels[0].name], ["result", "cpu", "lesion"]);
      const mask = await readVolume(out);
      assert.deepEqual([mask.sizeVox, mask.data.filter((v) => v === 1).length], [roi, labels[0].voxels]);
    }
    await Deno.copyFile(join(image, "label.nii.gz"), join(reference, "one.nii.gz"));
    const scores = await run(["evaluate", "--prediction", prediction, "--reference", reference, "--labels", "1"]);
    assert.equal(scores.code, 0, scores.err);
    assert.match(scores.out[1], /^one,1,(0|1|0\.\d+),/);
  }));

Deno.test("finetune reads a zip and removes the unpacked files; classify prints probabilities that add up to 1", () =>
  inTemp(async (root) => {
    const { where, finetune } = await workplace(root);
    const cases = join(root, "cases");
    await writePhantomDataset(cases, { ...PHANTOMS, count: 2, task: "classification" });
    const entries: Record<string, Uint8Array> = { "dataset.json": await readFile(join(cases, "dataset.json")) };
    for (const name of ["phantom001", "phantom002"]) {
      for (const file of ["t1", "t1c", "t2", "flair"]) {
        const path = `cases/${name}/${file}.nii.gz`;
        entries[path] = await readFile(join(cases, path));
      }
    }
    const zip = join(root, "cases.zip");
    await Deno.writeFile(zip, zipSync(entries, { level: 0 }));
    const work = join(root, "work");
    const command = finetune("--data", zip, "--name", "kinds", "--steps", "2", "--validation", "none", "--work", work);
    const trained = await events(command);
    assert.equal(trained.code, 0, trained.err);
    assert.deepEqual(await readdir(work), []);

    const model = join(root, "data/models/kinds/1");
    const image = imageFlags(join(cases, "cases/phantom001"));
    const { code, err, lines } = await events(["classify", "--model", model, ...image, "--provider", "cpu", "--json"]);
    assert.equal(code, 0, err);
    const { classes, version } = lines.at(-1) as { classes: { label: string; probability: number }[]; version: number };
    assert.deepEqual([version, classes.map((c) => c.label)], [1, ["clear", "lesions"]]);
    const sum = classes.reduce((total, c) => total + c.probability, 0);
    assert.ok(Math.abs(sum - 1) < 1e-6, `${sum}`);
    const wrong = await events([
      "segment",
      "--model",
      "kinds",
      "--version",
      "1",
      ...image,
      "--out",
      `${root}/m.nii.gz`,
      "--json",
      ...where,
    ]);
    assert.deepEqual([wrong.code, wrong.lines.at(-1).code], [1, "wrong-task"]);
    const mixed = await events(finetune("--data", zip, "--name", "tiny", "--validation", "none"));
    assert.deepEqual([mixed.code, mixed.lines.at(-1)], [1, {
      type: "error",
      code: "wrong-task",
      message: "Cannot add a version to tiny: it is for encoder, the data set for classification",
    }]);
  }));

Deno.test("finetune leaves out bad cases when asked to, tells patients apart by the rule, and reports both", () =>
  inTemp(async (root) => {
    const { finetune } = await workplace(root);
    const cases = join(root, "cases");
    await writePhantomDataset(cases, { ...PHANTOMS, count: 3 });
    await Deno.writeTextFile(join(cases, "cases/phantom003/t1.nii.gz"), "no volume");
    await Deno.writeTextFile(join(cases, "notes.txt"), "");
    const flags = ["--data", cases, "--name", "lesions", "--steps", "2", "--validation", "none"];
    const refused = await events(finetune(...flags));
    assert.deepEqual([refused.code, refused.lines.at(-1).code], [1, "invalid-volume"]);
    assert.match(refused.lines.at(-1).message, /^Case 3 of 3, t1: .* leave it out$/);
    const trained = await events(finetune(...flags, "--skip-bad-cases", "--patient-rule", "^(phantom)"));
    assert.equal(trained.code, 0, trained.err);
    const messages = trained.lines.map((line) => line.message);
    assert.ok(messages.includes("1 patient: of 2 cases by the rule that was given."), messages.join());
    assert.ok(messages.some((m) => /^Left out: phantom003 \(t1: Cannot read a volume/.test(m)));
    assert.ok(messages.some((m) => /^Files that are not used: .*\bnotes\.txt$/.test(m)));
    const { job } = JSON.parse(await Deno.readTextFile(join(root, "data/models/lesions/1/manifest.json"))).provenance;
    const report = JSON.parse(await Deno.readTextFile(join(root, `data/reports/${job}/report.json`)));
    const packaged = await Deno.readTextFile(join(root, "data/models/lesions/1/report.json"));
    assert.doesNotMatch(packaged, /phantom/, "packages number their cases");
    assert.deepEqual([report.cases, report.patientsFrom, report.leftOut[0].case], [
      2,
      { count: 1, named: 0, rule: 2, caseName: 0 },
      "phantom003",
    ]);
  }));

Deno.test("pretrain is stopped, resumes, makes one encoder with templates, and a fine-tune uses them", () =>
  inTemp(async (root) => {
    const cases = join(root, "cases"), recipe = join(root, "recipe.json");
    await writePhantomDataset(cases, { ...PHANTOMS, count: 2 });
    await Deno.writeTextFile(recipe, JSON.stringify({ ...TINY_PRETRAINING, roi, steps: 9 }));
    const store = ["--store", join(root, "data"), "--models", join(root, "none"), "--provider", "cpu", "--json"];
    const command = ["pretrain", "--data", cases, "--name", "encoder", "--recipe", recipe, "--steps", "6", ...store];

    const stopped = await events(command, { stopAt: 1 });
    assert.deepEqual([stopped.code, stopped.lines.at(-1).code], [1, "cancelled"]);
    assert.match(
      stopped.lines.at(-1).message,
      /^Stopped after update \d+ of 6 \(pre-training\)\. The checkpoint is kept/,
    );
    const resumed = await events(command);
    assert.equal(resumed.code, 0, resumed.err);
    assert.ok(resumed.lines.some((l) => l.message === "Resuming where this pre-training was stopped"));
    const { metrics, ...result } = resumed.lines.at(-1);
    assert.deepEqual(result, { type: "result", model: "encoder", version: 1, existed: false });
    assert.deepEqual(Object.keys(metrics), ["md", "cmr", "contrast", "meanPredictor"]);
    assert.deepEqual(await readdir(join(root, "data/pretrainings")), [], "prepared cases must not stay");
    assert.equal((await events(command)).lines.at(-1).existed, true);

    const base = join(root, "data/models/encoder/1");
    const { files, provenance } = JSON.parse(await Deno.readTextFile(join(base, "manifest.json")));
    assert.deepEqual([Object.keys(files).length, provenance.recipe.steps], [7, 6], "network, reports, four templates");
    const finetuned = await events([
      ...[
        "finetune",
        "--model",
        base,
        "--data",
        cases,
        "--name",
        "lesions",
        "--roi",
        String(TINY_SIZE),
        "--steps",
        "2",
      ],
      ...["--validation", "none", ...store],
    ]);
    assert.equal(finetuned.code, 0, finetuned.err);
    const report = JSON.parse(await Deno.readTextFile(join(root, "data/models/lesions/1/report.json")));
    assert.deepEqual([report.recipe.templates, report.templates], [true, ["t1", "t1c", "t2", "flair"]]);
  }));

Deno.test("pretrain refuses data that it cannot use, and names no file of a patient", () =>
  inTemp(async (root) => {
    await Deno.mkdir(join(root, "Meier"));
    await Deno.writeTextFile(join(root, "Meier/t1.nii.gz"), "no volume");
    await Deno.writeTextFile(join(root, "list.json"), "[1]");
    const store = ["--store", join(root, "data"), "--provider", "cpu"];
    const pretrain = (...argv: string[]) => run(["pretrain", "--data", root, "--name", "mine", ...argv, ...store]);
    const refuse = async (argv: string[], code: number, message: RegExp) => {
      const refused = await pretrain(...argv);
      assert.deepEqual([refused.code, message.test(refused.err)], [code, true], refused.err);
      assert.doesNotMatch(refused.err, /Meier/);
    };
    await refuse(["--preset", "cvpr"], 2, /--preset: expected edge, paper, official or official-olab, got "cvpr"/);
    await refuse(["--roi", "40"], 2, /--roi: expected a multiple of 16 from 16 to 256, got "40"/);
    await refuse(["--recipe", join(root, "list.json")], 2, /--recipe: expected a JSON object/);
    await Deno.writeTextFile(join(root, "list.json"), '{ "mask": { "blockVox": 5 } }');
    await refuse(["--recipe", join(root, "list.json")], 1, /recipe\.mask\.blockVox to be a divisor/);
    await refuse(["--steps", "1"], 1, /Cannot train on case 1: t1: Cannot read a volume: expected a NIfTI file/);
    const none = await run(["pretrain", "--data", join(root, "nothing"), "--name", "mine", ...store]);
    assert.match(none.err, /Cannot read the data set: source 1: there is no such folder or file/);
  }));
