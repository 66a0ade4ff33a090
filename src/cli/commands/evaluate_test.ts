import assert from "node:assert/strict";
import { inTemp, run, writeMask } from "../testing/cli.ts";
import { scoreClasses } from "../evaluation/classes.ts";
import { parseLabels } from "../evaluation/masks.ts";

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

Deno.test("evaluate --labels joins values to regions; --out writes the table to a file", () =>
  inTemp(async (root) => {
    const [prediction, reference] = await folders(root);
    await writeMask(`${prediction}/a.nii.gz`, { boxes: [{ ...A, value: 1 }] });
    await writeMask(`${reference}/a.nii.gz`, { boxes: [{ ...A, value: 4 }] });
    const out = `${root}/scores.csv`;
    const command = ["evaluate", "--prediction", prediction, "--reference", reference, "--labels", "1,1+4"];
    const { code, out: lines } = await run([...command, "--out", out]);
    assert.deepEqual([code, lines], [0, []]);
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
    await writeMask(`${prediction}/Meier.nii.gz`, { spacingMm: [1, 1, 2], boxes: [] });
    assert.deepEqual(await evaluate(), [
      1,
      "Cannot evaluate case 1 of 1: expected prediction and reference on one grid, got 10×10×10 voxels of 1×1×2 mm " +
      "and 10×10×10 voxels of 1×1×1 mm",
    ]);
    await Deno.writeTextFile(`${prediction}/Meier.nii.gz`, "Meier, Hans");
    const [, text] = await evaluate();
    assert.match(String(text), /^Cannot use the prediction of case 1 of 1: Cannot read /);
    assert.doesNotMatch(String(text), /Meier/);
    await writeMask(`${prediction}/Meier.nii`, { boxes: [] });
    assert.deepEqual(await evaluate(), [1, "Cannot read --prediction: a name is there as .nii and .nii.gz"]);
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
