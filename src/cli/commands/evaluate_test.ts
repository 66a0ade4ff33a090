import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { inTemp, run, writeMask } from "../testing/cli.ts";
import { scoreClasses } from "../evaluation/classes.ts";
import { parseLabels } from "../evaluation/masks.ts";
import { makeNifti } from "../../volume/testing/fixtures.ts";

// The boxes of docs/method D.1.2: Dice 0.203390, HD95 3.07302 at 1 mm and 3.89224 at 1×2×3 mm.
const A = { from: [2, 2, 2], to: [5, 5, 5] } as const;
const B = { from: [4, 3, 2], to: [8, 5, 6] } as const;

async function folders(root: string): Promise<[string, string]> {
  const pair: [string, string] = [`${root}/prediction`, `${root}/reference`];
  for (const folder of pair) await Deno.mkdir(folder);
  return pair;
}

Deno.test("evaluate gives the Dice and HD95 of docs/method D.1.2 in millimetres, case by case and as means", () =>
  inTemp(async (root) => {
    const [prediction, reference] = await folders(root);
    for (const [name, spacingMm] of [["one", [1, 1, 1]], ["two", [1, 2, 3]]] as const) {
      await writeMask(`${prediction}/${name}.nii.gz`, { spacingMm, boxes: [{ ...A, value: 1 }] });
      await writeMask(`${reference}/${name}.nii`, { spacingMm, boxes: [{ ...B, value: 1 }] });
    }
    await writeMask(`${reference}/one.nii`, {
      boxes: [{ ...B, value: 1 }, { from: [0, 0, 9], to: [1, 1, 10], value: 4 }],
    });
    const { code, out } = await run(["evaluate", "--prediction", prediction, "--reference", reference]);
    assert.equal(code, 0);
    assert.equal(out[0], "case,label,dice,hd95_mm,reference_ml,prediction_ml");
    const expected = [
      ["one", "1", 0.20339, 3.07302, 0.032, 0.027],
      ["one", "4", 0, NaN, 0.001, 0],
      ["two", "1", 0.20339, 3.89224, 0.192, 0.162],
      ["two", "4", NaN, NaN, 0, 0],
      ["mean", "1", 0.20339, (3.07302 + 3.89224) / 2, 0.112, 0.0945],
      ["mean", "4", 0, NaN, 0.0005, 0],
      ["mean", "all", 0.20339 / 2, (3.07302 + 3.89224) / 2, 0.05625, 0.04725],
    ];
    assert.equal(out.length, expected.length + 1);
    for (const [i, [name, label, ...numbers]] of expected.entries()) {
      const [gotName, gotLabel, ...got] = out[i + 1].split(",");
      assert.deepEqual([gotName, gotLabel], [name, label]);
      assert.equal(got.length, numbers.length);
      for (const [n, value] of numbers.entries()) {
        // docs/method gives six digits.
        const close = Number.isNaN(value) ? got[n] === "" : Math.abs(Number(got[n]) - Number(value)) <= 1e-5;
        assert.ok(close && (Number.isNaN(value) || got[n] !== ""), `${out[i + 1]}: expected ${value}, got ${got[n]}`);
      }
    }
    const json = await run(["evaluate", "--prediction", prediction, "--reference", reference, "--json"]);
    const results = json.out.map((line) => JSON.parse(line)).filter((v) => v.type === "result");
    assert.deepEqual(results[1], {
      type: "result",
      case: "one",
      label: "4",
      dice: 0,
      hd95Mm: null,
      referenceMl: 0.001,
      predictionMl: 0,
    });
  }));

Deno.test("evaluate resamples a reference on another grid onto the prediction's, with a warning", () =>
  inTemp(async (root) => {
    const [prediction, reference] = await folders(root);
    await writeMask(`${prediction}/a.nii`, { boxes: [{ from: [2, 2, 2], to: [6, 6, 6], value: 1000 }] });
    const coarse = { sizeVox: [5, 5, 5], spacingMm: [2, 2, 2], originMm: [0.5, 0.5, 0.5] } as const;
    await writeMask(`${reference}/a.nii`, { ...coarse, boxes: [{ from: [1, 1, 1], to: [3, 3, 3], value: 1000 }] });
    const { code, out, err } = await run(["evaluate", "--prediction", prediction, "--reference", reference]);
    assert.equal(code, 0);
    assert.equal(out[1], "a,1000,1,0,0.064,0.064");
    assert.equal(
      err.split("\n")[0],
      "Warning: case 1 of 1: the reference was resampled onto the prediction's grid (5×5×5 voxels of 2×2×2 mm to " +
        "10×10×10 voxels of 1×1×1 mm); its labels take 0.064 mL there, 0.064 mL in the file",
    );
  }));

Deno.test("evaluate takes slopes, rounding, NaN and names in capitals as training does, and lists what it leaves out", () =>
  inTemp(async (root) => {
    const [prediction, reference] = await folders(root);
    const made = { dims: [3, 4, 1, 1], sform: { code: 1, rows: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] } };
    // Four labels in 16 bits: a slope of 4/65535 leaves 1.0000153 of 1.
    const scaled = makeNifti({ ...made, code: 512, values: [0, 16384, 32768, 65535], slope: 4 / 65535 });
    await Deno.writeFile(`${prediction}/P\u00e9.NII.GZ`, gzipSync(scaled));
    await Deno.writeFile(`${prediction}/other.nii`, scaled);
    await Deno.writeFile(`${reference}/Pe\u0301.nii`, makeNifti({ ...made, values: [NaN, 1, 2, 4] }));
    const { code, out, err } = await run(["evaluate", "--prediction", prediction, "--reference", reference]);
    assert.deepEqual([code, out.slice(1, 4).map((row) => row.split(",").slice(1, 3))], [0, [
      ["1", "1"],
      ["2", "1"],
      ["4", "1"],
    ]]);
    assert.deepEqual(err.split("\n").slice(0, 2), [
      "Warning: 1 of 2 predictions have no reference and are left out",
      "Warning: the reference of case 1 of 1: 1 voxels are no numbers and read as 0",
    ]);
    await Deno.writeFile(`${reference}/Pe\u0301.nii`, makeNifti({ ...made, values: [0, 0.5, 0.25, 1] }));
    const soft = await run(["evaluate", "--prediction", prediction, "--reference", reference]);
    assert.equal(soft.code, 1);
    assert.match(
      soft.err,
      /Cannot use the reference of case 1 of 1: .* got 2 of 4 voxels with other values, such as 0.5/,
    );
  }));

Deno.test("evaluate compares files without a position voxel by voxel, with a warning, or refuses them", () =>
  inTemp(async (root) => {
    const [prediction, reference] = await folders(root);
    const sform = { code: 1, rows: [2, 0, 0, -90, 0, 2, 0, -90, 0, 0, 2, -50] };
    const made = { code: 2, dims: [3, 2, 2, 1], pixdim: [1, 2, 2, 2], values: [0, 1, 1, 0] };
    await Deno.writeFile(`${prediction}/a.nii`, makeNifti({ ...made, sform }));
    await Deno.writeFile(`${reference}/a.nii`, makeNifti(made));
    const command = ["evaluate", "--prediction", prediction, "--reference", reference];
    const placed = await run(command);
    assert.deepEqual([placed.code, placed.out[1]], [0, "a,1,1,0,0.016,0.016"]);
    assert.equal(
      placed.err.split("\n")[0],
      "Warning: case 1 of 1: the reference has no position (sform_code and qform_code are 0); the voxels of prediction and " +
        "reference are compared one by one",
    );
    await Deno.writeFile(`${reference}/a.nii`, makeNifti({ ...made, pixdim: [1, 1, 1, 1] }));
    const refused = await run(command);
    assert.deepEqual([refused.code, refused.err], [
      1,
      "Cannot evaluate case 1 of 1: the reference has no position (sform_code and qform_code are 0); expected voxels of " +
      "one size and number, got 2×2×1 voxels of 2×2×2 mm and 2×2×1 voxels of 1×1×1 mm\n",
    ]);
  }));

Deno.test("evaluate measures HD95 in millimetres of the body where axes are sheared, and volumes by the determinant", () =>
  inTemp(async (root) => {
    const [prediction, reference] = await folders(root);
    const sform = { code: 1, rows: [2, 0, 0, 0, 0, 3, 1, 0, 0, 0, 4, 0] };
    const one = (at: number) => Array.from({ length: 64 }, (_, i) => i === at ? 1 : 0);
    const made = { code: 2, dims: [3, 4, 4, 4], pixdim: [1, 2, 3, Math.hypot(1, 4)], sform };
    // Two voxels and three voxels apart: 2·(0, 3, 0) + 3·(0, 1, 4) = (0, 9, 12) mm; the axes' lengths give 13.7.
    await Deno.writeFile(`${prediction}/a.nii`, makeNifti({ ...made, values: one(1) }));
    await Deno.writeFile(`${reference}/a.nii`, makeNifti({ ...made, values: one(1 + 4 * 2 + 16 * 3) }));
    const { out, err } = await run(["evaluate", "--prediction", prediction, "--reference", reference]);
    assert.equal(out[1], "a,1,0,15,0.024,0.024");
    assert.match(err, /Warning: case 1 of 1: hd95_mm is measured on a grid at right angles/);
  }));

Deno.test("evaluate --labels joins values to regions; --out writes the table to a file", () =>
  inTemp(async (root) => {
    const [prediction, reference] = await folders(root);
    await writeMask(`${prediction}/a.nii.gz`, { boxes: [{ ...A, value: 1 }] });
    await writeMask(`${reference}/a.nii.gz`, { boxes: [{ ...A, value: 4 }] });
    const out = `${root}/scores.csv`;
    const command = ["evaluate", "--prediction", prediction, "--reference", reference, "--labels", "1,1+4"];
    const { code, out: lines, err } = await run([...command.slice(0, -1), "1,1+4,3", "--out", out]);
    assert.deepEqual([code, lines], [0, []]);
    assert.deepEqual(err.split("\n").filter((line) => line.startsWith("Warning")), [
      "Warning: label 1: 1 of 1 cases are not in its mean, as only the prediction has it (0.027 mL in all)",
      "Warning: label 3 is in no file",
    ]);
    assert.deepEqual((await Deno.readTextFile(out)).trimEnd().split("\n").slice(1, 3), [
      "a,1,,,0,0.027",
      "a,1+4,1,0,0.027,0.027",
    ]);
  }));

Deno.test("parseLabels() refuses what is no list of values", () => {
  for (const text of ["", "1,", "0", "a", "1,1", "-1", "1++2", "1.5"]) assert.equal(parseLabels(text), null, text);
  assert.deepEqual(parseLabels("1, 2+4"), [{ name: "1", values: [1] }, { name: "2+4", values: [2, 4] }]);
});

Deno.test("evaluate refuses folders and masks that do not go together, without naming files", () =>
  inTemp(async (root) => {
    const [prediction, reference] = await folders(root);
    const evaluate = async () => {
      const { code, err } = await run(["evaluate", "--prediction", prediction, "--reference", reference]);
      return [code, err.trimEnd()];
    };
    const none = "expected .nii or .nii.gz files, got none";
    assert.deepEqual(await evaluate(), [1, `Cannot read --prediction: ${none}`]);
    await writeMask(`${prediction}/Meier.nii.gz`, { boxes: [] });
    assert.deepEqual(await evaluate(), [1, `Cannot read --reference: ${none}`]);
    await writeMask(`${reference}/Schulz.nii.gz`, { boxes: [] });
    assert.deepEqual(await evaluate(), [
      1,
      "Cannot evaluate: expected a prediction of the same name for each of 1 references, 1 have none",
    ]);
    await Deno.rename(`${reference}/Schulz.nii.gz`, `${reference}/Meier.nii.gz`);
    await writeMask(`${prediction}/Meier.nii.gz`, { spacingMm: [1, 1, 2], originMm: [0, 0, 100], boxes: [] });
    assert.deepEqual(await evaluate(), [
      1,
      "Cannot evaluate case 1 of 1: prediction and reference share 0 % of their space, expected at least 5 %, got " +
      "10×10×10 voxels of 1×1×2 mm and 10×10×10 voxels of 1×1×1 mm",
    ]);
    await Deno.writeTextFile(`${prediction}/Meier.nii.gz`, "Meier, Hans");
    const [, text] = await evaluate();
    assert.match(String(text), /^Cannot use the prediction of case 1 of 1: Cannot read /);
    assert.doesNotMatch(String(text), /Meier/);
    await writeMask(`${prediction}/Meier.nii`, { boxes: [] });
    assert.deepEqual(await evaluate(), [1, "Cannot read --prediction: a name is there as .nii and .nii.gz"]);
    const { err } = await run(["evaluate", "--prediction", `${prediction}/Meier.nii`, "--reference", reference]);
    assert.match(err, /^Cannot read --prediction: expected a folder of masks, got a file$/m);
  }));

Deno.test("scoreClasses() takes the most probable class, or the predicted one where the table has it", () => {
  const table = "case,actual,HGG,LGG\na,HGG,0.9,0.1\nb,HGG,0.4,0.6\nc,LGG,0.45,0.55\nd,LGG,0.2,0.8\n";
  const scores = scoreClasses(table);
  // Of four pairs (HGG case, LGG case) three are in order: b's 0.4 lies under c's 0.45.
  assert.deepEqual([scores.cases, scores.classes, scores.accuracy, scores.auc], [4, ["HGG", "LGG"], 0.75, 0.75]);
  assert.ok(Math.abs(scores.macroF1 - (2 / 3 + 4 / 5) / 2) < 1e-12, `${scores.macroF1}`);
  const chosen = scoreClasses("actual,predicted\nx,x\ny,x\nz,z\n");
  assert.deepEqual([chosen.accuracy, chosen.auc, chosen.classes], [2 / 3, null, ["x", "y", "z"]]);
  assert.ok(Math.abs(chosen.macroF1 - (2 / 3 + 0 + 1) / 3) < 1e-12, `${chosen.macroF1}`);
});

Deno.test("scoreClasses() refuses tables that are not as defined", () => {
  const cases: [string, string][] = [
    ["actual,predicted\n", "Cannot score classes: expected at least one row below the header, got none"],
    ["case,predicted\na,b", "Cannot score classes: the column actual is missing"],
    [
      "actual,HGG\nHGG,1",
      "Cannot score classes: expected a column predicted, or a column of probabilities for each class",
    ],
    [
      "actual,HGG,LGG\nPED,1,0",
      "Cannot score classes: expected actual in row 1 to be a class of the header, got another",
    ],
    [
      "actual,HGG,LGG\nHGG,1,0\nLGG,x,0",
      "Cannot score classes: expected probabilities from 0 to 1 in row 2, got another value",
    ],
  ];
  for (const [table, message] of cases) assert.throws(() => scoreClasses(table), { message });
});

Deno.test("evaluate --classes prints one line of scores, and goes with no flag of masks", () =>
  inTemp(async (root) => {
    const file = `${root}/table.csv`;
    await Deno.writeTextFile(file, "case,actual,a,b\n1,a,0.9,0.1\n2,b,0.1,0.9\n");
    assert.deepEqual((await run(["evaluate", "--classes", file])).out, ["cases,accuracy,auc,macro_f1", "2,1,1,1"]);
    const { code, err } = await run(["evaluate", "--classes", file, "--labels", "1"]);
    assert.equal(code, 2);
    assert.match(err, /^Cannot use --labels: it goes with masks, not with --classes\n/);
    const missing = await run(["evaluate", "--classes", `${root}/none.csv`]);
    assert.deepEqual([missing.code, missing.err], [1, "Cannot read --classes: there is no such file\n"]);
  }));
