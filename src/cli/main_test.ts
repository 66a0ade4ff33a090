import assert from "node:assert/strict";
import { InferenceError, TEMPLATES_WISH } from "../inference/mod.ts";
import { COMMANDS } from "./commands/commands.ts";
import { inTemp, run, writeFakePackage, writeMask } from "./testing/cli.ts";
import { failureOf } from "./terminal/errors.ts";

const EXPECTED_DATA =
  "expected the folder of the cases or a .zip of it, in nnU-Net v2, Decathlon, BraTS or Sulcus layout";
const MAIN = import.meta.resolve("./main.ts");

async function spawn(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", MAIN, ...argv],
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("sulcus as a process exits with 0 for help, 2 for wrong use, 1 for failure", async () => {
  const help = await spawn("segment", "--help");
  assert.deepEqual([help.code, help.err], [0, ""]);
  assert.match(help.out, /^sulcus segment: .*\n\nUsage: sulcus segment --model NAME/);
  const unknown = await spawn("segment", "--modell", "x");
  assert.deepEqual([unknown.code, unknown.out], [2, ""]);
  assert.equal(unknown.err, "Cannot run segment: unknown flag --modell\nSee: sulcus segment --help\n");
  const failed = await spawn("evaluate", "--prediction", "/nowhere", "--reference", "/nowhere", "--json");
  assert.equal(failed.code, 1);
  assert.deepEqual(JSON.parse(failed.out), {
    type: "error",
    code: "not-found",
    message: "Cannot read --prediction: there is no such folder",
  });
});

Deno.test("every command has a help that names its flags and fits a terminal", async () => {
  const overview = await run(["--help"]);
  for (const { name } of COMMANDS) {
    assert.match(overview.out[0], new RegExp(`^  ${name} `, "m"));
    const { code, out } = await run([name, "--help"]);
    assert.equal(code, 0);
    assert.match(out[0], /\n {2}--json /);
    const longest = Math.max(...out[0].split("\n").map((line) => line.length));
    assert.ok(longest <= 80, `${name}: a line of ${longest} characters`);
  }
});

Deno.test("main() refuses what is no command", async () => {
  const expected =
    "expected one of serve, segment, classify, finetune, pretrain, evaluate, models, import, export, token, project, backup, restore, audit, bench";
  assert.deepEqual(await run(["segmnt"]), {
    code: 2,
    out: [],
    err: `Cannot run: ${expected}, got "segmnt"\nSee: sulcus --help\n`,
  });
  assert.deepEqual(await run([]), {
    code: 2,
    out: [],
    err: `Cannot run: ${expected}, got nothing\nSee: sulcus --help\n`,
  });
});

Deno.test("segment, classify and finetune name the flag that is wrong, and no file", () =>
  inTemp(async (root) => {
    const image = `${root}/Meier.nii.gz`;
    await writeMask(image, { boxes: [] });
    const list = `${root}/Meier.txt`;
    await Deno.writeTextFile(list, "case,patient\n");
    await writeFakePackage(root);
    const tumour = `${root}/tumour/1`;
    const segment = ["segment", "--model", tumour, "--t1", image];
    const finetune = ["finetune", "--model", "base", "--data", root, "--name", "new"];
    const cases: [string[], number, string][] = [
      [["segment", "--t1", image], 2, "Cannot run: expected --model, got none"],
      [
        ["segment", "--model", "A B", "--t1", image],
        2,
        'Cannot use --model: expected a name of a-z, 0-9, - and _, or a path with a slash, got "A B"',
      ],
      [[...segment, "--version", "1", "--out", "x"], 2, "Cannot use --version: the model is a package folder"],
      [segment, 2, "Cannot run: expected --out, got none"],
      [
        ["segment", "--model", tumour, "--out", `${root}/m.nii.gz`],
        2,
        "Cannot run: expected at least one image, such as --t1 FILE, got none",
      ],
      [[...segment, "--out", image], 2, "Cannot use --out: expected another file than the images, got one of them"],
      [[...segment, "--out", `${root}/no/m.nii.gz`], 1, "Cannot write --out: its folder does not exist"],
      [
        [...segment, "--flair", `${root}/none.nii`, "--out", `${root}/m.nii.gz`],
        1,
        "Cannot read --flair: there is no such file",
      ],
      [
        ["segment", "--model", `${root}/none/1`, "--t1", image, "--out", `${root}/m.nii.gz`],
        1,
        "Cannot find the folder of the model package: no such folder; check the path",
      ],
      [
        ["classify", "--model", tumour, "--t1", image],
        1,
        "Cannot classify with tumour: it is a model for segmentation",
      ],
      [[...finetune.slice(0, 5)], 2, "Cannot run: expected --name, got none"],
      [
        [...finetune, "--validation", "1"],
        2,
        'Cannot use --validation: expected auto, none or a number of folds from 2 to 1000, got "1"',
      ],
      [[...finetune, "--roi", "40"], 2, 'Cannot use --roi: expected a multiple of 16 from 16 to 256, got "40"'],
      [
        [...finetune, "--learning-rate", "0"],
        2,
        'Cannot use --learning-rate: expected a number above 0 up to 1 or auto, got "0"',
      ],
      [
        ["finetune", "--model", "base", "--data", `${root}/none`, "--name", "new", "--store", `${root}/data`],
        1,
        "Cannot read --data: there is no such folder or file",
      ],
      [
        ["finetune", "--model", "base", "--data", list, "--name", "new", "--store", `${root}/data`],
        1,
        `Cannot read --data: ${EXPECTED_DATA}, got text`,
      ],
      [
        ["finetune", "--model", "base", "--data", image, "--name", "new", "--store", `${root}/data`],
        1,
        `Cannot read --data: ${EXPECTED_DATA}, got a gzipped file`,
      ],
      [
        ["models", "import", list, "--data", `${root}/data`],
        1,
        "Cannot read FILE: expected a package that `sulcus models export` wrote, a .zip, got text",
      ],
    ];
    for (const [argv, code, message] of cases) {
      const result = await run(argv);
      assert.deepEqual([result.code, result.err.split("\n")[0]], [code, message], argv.join(" "));
      assert.doesNotMatch(result.err, /Meier/);
    }
  }));

Deno.test("segment --model PATH refuses a package whose files were changed", () =>
  inTemp(async (root) => {
    await writeFakePackage(root);
    await writeMask(`${root}/t1.nii.gz`, { boxes: [] });
    await Deno.writeTextFile(`${root}/tumour/1/network.onnx`, "another");
    const segment = ["segment", "--model", `${root}/tumour/1/`, "--t1", `${root}/t1.nii.gz`];
    const { code, err } = await run([...segment, "--out", `${root}/m.nii.gz`]);
    assert.equal(code, 1);
    assert.match(err, /^Cannot use model package tumour\/1: network\.onnx does not have the sha256 of its manifest\n/);
  }));

Deno.test("failureOf() shows the texts of our own checks and hides those of others", () => {
  assert.deepEqual(failureOf(new RangeError("Cannot score: expected 1, got 2")), {
    code: "failed",
    message: "Cannot score: expected 1, got 2",
  });
  const missing = `Cannot run the model: it has templates of t2: ${TEMPLATES_WISH} lets them stand in`;
  assert.deepEqual(failureOf(new InferenceError("missing-modality", missing)), {
    code: "missing-modality",
    message: "Cannot run the model: it has templates of t2: --missing template lets them stand in",
  });
  const first = new RangeError("Cannot serve: expected 1, got 2");
  assert.equal(failureOf(new SuppressedError(new Error("while closing"), first)).message, first.message);
  const { code, message } = failureOf(new Deno.errors.NotFound("No such file: /home/Meier.nii"));
  assert.equal(code, "internal");
  assert.match(message, /^An unforeseen error \(NotFound\)\./);
  assert.doesNotMatch(message, /Meier/);
});
