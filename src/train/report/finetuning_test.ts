import assert from "node:assert/strict";
import { requestOf } from "../../../tests/testing/tiny_models.ts";
import type { Engine } from "../../engine/mod.ts";
import type { FinetunePlan } from "../planning/plan.ts";
import { resolveRecipe } from "../recipe/finetuning.ts";
import { renderHtml, type Report, reportJson } from "./finetuning.ts";
import { withoutPatients } from "./without_patients.ts";

const HOSTILE = `<script>alert("1")</script>&'`;
const PIXEL = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==",
);

/** Updates at a given rate, whose gradients were not measured. */
const GIVEN = { norms: [], learningRate: 4e-3, found: null };

function reportOf(changes: Partial<Report> = {}): Report {
  const cases = ["one", HOSTILE].map((id) => ({
    id,
    patient: id,
    images: { t1: "/secret/t1.nii" },
    label: "/secret/l.nii",
  }));
  const label = { name: HOSTILE, value: 1, colour: "#000000" };
  const request = requestOf({ folder: "/secret", engine: {} as Engine, cases, changes: { labels: [label] } });
  const recipe = resolveRecipe(request.recipe, {
    cases: 2,
    baseHasTemplates: false,
    task: "segmentation",
    network: "uniunet",
    percentilesOver: null,
  });
  const score = {
    label: HOSTILE,
    dice: 0.5,
    hd95Mm: null,
    volumeMl: 1,
    referenceMl: 2,
    counts: [1, 2, 3] as [number, number, number],
  };
  const metrics = { dice: 0.5, pooledDice: 0.4, hd95Mm: null };
  return {
    request: { ...request, base: { ...request.base, name: HOSTILE } },
    recipe,
    weights: {
      loaded: 1,
      dropped: ["a"],
      fresh: ["b"],
      modalities: { loaded: ["t1"], averaged: [], fresh: ["flair"], dropped: ["t2"] },
      outputs: { loaded: [], averaged: [], fresh: [HOSTILE], dropped: [] },
    },
    templates: [],
    templateFits: [{ case: HOSTILE, fits: false, similarity: { t1: -0.3 }, overlap: 0.05 }],
    phases: [
      { name: "fold 1 of 2", losses: [2, 1], ...GIVEN, scores: [{ case: 0, labels: [score], previewPng: PIXEL }] },
      {
        name: "final",
        losses: Array.from({ length: 1000 }, (_, i) => i),
        ...GIVEN,
        scores: [{ case: 1, labels: [score] }],
      },
    ],
    validation: metrics,
    fromScratch: null,
    training: metrics,
    remarks: ["Held out no case with rim: fold 2 of 2."],
    provider: "cpu",
    peakBytes: 7,
    ...changes,
  };
}

Deno.test("reportJson() has these fields, no paths and no pictures", () => {
  const json = reportJson(reportOf());
  assert.deepEqual(Object.keys(json), [
    "base",
    "task",
    "modalities",
    "cases",
    "patients",
    "leftOut",
    "recipe",
    "templates",
    "templateFit",
    "weights",
    "provider",
    "peakBytes",
    "validation",
    "fromScratch",
    "training",
    "warnings",
    "heldOutPatients",
    "expectation",
    "learningCurve",
    "calibration",
    "chosen",
    "notes",
    "phases",
  ]);
  assert.deepEqual([json.base, json.cases, json.patients], [{ model: HOSTILE, version: 1 }, 2, 2]);
  const text = JSON.stringify(json);
  assert.ok(!text.includes("/secret") && !text.includes("previewPng"));
  assert.deepEqual(JSON.parse(text), json, "plain JSON");
  const [fold] = json.phases as Record<string, unknown>[];
  assert.deepEqual(fold, {
    name: "fold 1 of 2",
    steps: 2,
    learningRate: 4e-3,
    losses: [[1, 2], [2, 1]],
    cases: [{
      case: "one",
      labels: [{ label: HOSTILE, dice: 0.5, hd95Mm: null, volumeMl: 1, referenceMl: 2, counts: [1, 2, 3] }],
    }],
  });
});

Deno.test("reportJson() and its notes state a found rate, the warm-up, clipped gradients and skipped updates", () => {
  const found = {
    rate: 1e-3,
    firstLoss: 1.25,
    lowestLoss: 0.5,
    lowestAt: 1e-2,
    divergedAt: 0.05,
    updates: 37,
  };
  const [fold] = reportOf().phases;
  const recipe = { ...reportOf().recipe, learningRate: "auto", clipNorm: 1, warmupSteps: 5 } as const;
  const report = reportOf({ recipe, phases: [{ ...fold, norms: [2, 0.5, -1, 7], learningRate: 1e-3, found }] });
  const { phases: [json], notes } = reportJson(report) as { phases: Record<string, unknown>[]; notes: string[] };
  const { learningRate, foundRate, clipped, skipped, largestNorm } = json;
  assert.deepEqual([learningRate, foundRate, clipped, skipped, largestNorm], [1e-3, found, 2, 1, 7]);
  const words = [
    "fold 1 of 2: Learning rate 0.0010, found by 37 updates with growing rates: the loss was 1.3 at first, 0.50 at " +
    "0.010, and diverged at 0.050.",
    "The rate rose over the first 5 updates.",
    "Gradients were clipped to a norm of 1 in 2 of 4 updates; the largest was 7.0.",
    "1 of 4 updates was skipped: its gradient was not finite.",
  ];
  for (const word of words) assert.ok(notes.includes(word), `${word} in ${notes.join(" ")}`);
  assert.ok(renderHtml(report).includes(words[2]));
});

Deno.test("reportJson() and its notes state how long the device waited for samples, where it was measured", () => {
  const [fold, final] = reportOf().phases;
  const written = (phases: Report["phases"]) =>
    reportJson(reportOf({ phases })) as { phases: Record<string, unknown>[]; notes: string[] };
  const { phases, notes } = written([{ ...fold, waitShare: 0.0125 }, { ...final, waitShare: 0.031 }]);
  assert.deepEqual(phases.map(({ waitShare }) => waitShare), [0.0125, 0.031]);
  assert.ok(notes.includes("The device waited for samples during at most 3.1 % of a training's time."));
  const before = written([fold, final]);
  assert.ok(!before.notes.join().includes("waited") && !("waitShare" in before.phases[0]));
});

Deno.test("reportJson() thins long curves to means of equal parts", () => {
  const [, final] = reportJson(reportOf()).phases as { losses: [number, number][] }[];
  assert.equal(final.losses.length, 334);
  assert.deepEqual(final.losses.slice(0, 2), [[3, 1], [6, 4]]);
  assert.deepEqual(final.losses.at(-1), [1000, 999]);
});

Deno.test("reportJson() says how far its numbers carry", () => {
  const notes = (changes: Partial<Report>) => reportJson(reportOf(changes)).notes as string[];
  assert.match(notes({})[0], /^Validation figures are of patients that the network of their fold never saw\./);
  assert.match(notes({ validation: null })[0], /^There was no validation: the figures below are of the cases that the/);
  assert.equal(notes({})[1], "Trained without modality templates.");
  assert.equal(notes({ templates: ["t1", "flair"] })[1], "Trained with the base's templates of t1, flair.");
  assert.equal(notes({})[2], "Trained on 2 cases. Not a medical device.");
  assert.deepEqual(notes({}).slice(3), [
    "Input channels: t1 from the base; flair fresh; t2 of the base dropped.",
    `Outputs: ${HOSTILE} fresh.`,
    "Held out no case with rim: fold 2 of 2.",
  ]);
  const { request } = reportOf();
  assert.equal(
    notes({ phases: [], request: { ...request, cases: request.cases.slice(1) } })[2],
    "Trained on 1 case. Not a medical device.",
  );
  const one = request.cases.map(({ id }) => ({ id, patient: "one" }));
  assert.equal(
    notes({ request: { ...request, cases: one } })[2],
    "Trained on 2 cases of 1 patient, whose cases stay together. Not a medical device.",
  );
  const { recipe } = reportOf();
  assert.match(
    notes({ recipe: { ...recipe, foldSteps: 2 } })[0],
    /Each fold was trained for 2 steps, the final network for 6\.$/,
  );
});

Deno.test("renderHtml() escapes every name, runs no scripts and loads nothing", () => {
  const html = renderHtml(reportOf());
  assert.ok(!/<script/i.test(html));
  assert.ok(!/\bon\w+=/i.test(html.replace(/alert\(&quot;1&quot;\)/g, "")));
  const sources = [...html.matchAll(/(?:src|href|url)\s*[=(]\s*"?([^"\s)>]+)/gi)].map(([, s]) => s.slice(0, 22));
  assert.deepEqual(sources, ["data:image/png;base64,"]);
  assert.equal(html.split("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;").length - 1, 8);
  assert.ok(!html.includes("/secret"));
});

Deno.test("renderHtml() shows results, curves and cases", () => {
  const html = renderHtml(reportOf({ fromScratch: { dice: 0.25, pooledDice: 0.2, hd95Mm: 3 } }));
  for (
    const part of [
      '<th scope="col">Dice</th><th scope="col">pooled Dice</th><th scope="col">HD95, mm</th></tr>',
      '<tr><th scope="row">held-out patients</th><td>0.500</td><td>0.400</td><td>–</td></tr>',
      '<tr><th scope="row">held-out patients, trained from scratch</th><td>0.250</td><td>0.200</td><td>3.000</td></tr>',
      "<figcaption>fold 1 of 2</figcaption>",
      "<td>0.500</td><td>–</td><td>1.000</td><td>2.000</td>",
      "one: reference left, prediction right",
    ]
  ) assert.ok(html.includes(part), part);
  assert.ok(!html.includes("NaN") && !html.includes("undefined") && !html.includes("Infinity"));
  assert.ok(!renderHtml(reportOf({ validation: null })).includes('<th scope="row">held-out patients</th>'));
});

Deno.test("renderHtml() opens with the result, severe warnings, what to expect, and the worst cases", () => {
  const { request, phases: [fold] } = reportOf();
  const cases = Array.from({ length: 5 }, (_, i) => ({ id: `case ${i}`, patient: `p${i}` }));
  const lesions = { found: 2, missed: 1, hits: 2, false: 4, foundMl: [0.5], missedMl: [0.1], falseMl: [0.2] };
  const [label] = fold.scores[0].labels!;
  const scores = [0.8, 0.3, 0.9, 0.6, 0.7].map((dice, i) => ({
    case: i,
    labels: [{ ...label, label: "lesion", dice, lesions }],
    previewPng: PIXEL,
  }));
  const heldOut = [{ step: 10, score: 0.2 }, { step: 20, score: 0.4 }];
  const watched = { heldOut, stopped: "Ended after 20 of 40 updates.", share: 0.02 };
  const report = reportOf({
    request: { ...request, cases },
    phases: [{ ...fold, scores, watched, trainPatients: 4 }],
    warnings: [{ severity: "mild", text: "few <patients>" }, { severity: "severe", text: "worse than its base" }],
  });
  const html = renderHtml(report);
  const order = [
    '<p class="result">On 5 patients that the network never saw, the mean Dice was 0.66. It found 10 of 15 separate parts and ' +
    "made up 20.</p>",
    '<p class="warning severe" role="alert">worse than its base</p>',
    '<p class="warning mild" role="alert">few &lt;patients&gt;</p>',
    "Expect a Dice of at least 0.30 on a new patient like these, with a chance of at least 83 %",
    "all folds were trained on 4 patients; a fold trained on half of them (halfFolds; of itself, where there are time and patients enough) would show it.",
    '<th scope="row">p1</th><td>0.300</td><td>–</td><td>2</td><td>1</td><td>4</td>',
    "case 1: reference left, prediction right; lesion Dice 0.300",
    "case 3: reference left",
    "<details><summary>2 more</summary>",
    "fold 1 of 2: score of held-out crops",
    "<h2>Settings and notes</h2>",
  ];
  const at = order.map((part) => html.indexOf(part));
  assert.ok(at.every((place, i) => place > (at[i - 1] ?? -1)), `${at}`);
  const json = reportJson(report) as Record<string, unknown> & { phases: Record<string, unknown>[] };
  assert.deepEqual(
    json.heldOutPatients,
    cases.map(({ id, patient }, i) => ({ patient, dice: [0.8, 0.3, 0.9, 0.6, 0.7][i], cases: [id] })),
  );
  assert.deepEqual([json.phases[0].trainPatients, json.phases[0].heldOut], [4, [[10, 0.2], [20, 0.4]]]);
  assert.deepEqual([json.phases[0].stopped, json.phases[0].heldOutShare], [watched.stopped, 0.02]);
  for (
    const note of [
      "Looking at crops of held-out patients took at most 2.0 % of a training",
      "fold 1 of 2: Ended after 20 of 40 updates.",
    ]
  ) assert.ok(html.includes(note), note);
});

Deno.test("renderHtml() lists a plan's rules and expectations once, and notes what was chosen", () => {
  const expected = { seconds: 300, peakBytes: 2 ** 30, updates: 700, secondsPerUpdate: 0.2, isMeasured: true };
  const reasons = ["Crops of 48×48×48: <few> voxels."];
  const { recipe } = reportOf();
  const same = { least: [1, 1, 1], median: [1, 1, 1], most: [1, 1, 1] } as const;
  const fingerprint: FinetunePlan["fingerprint"] = {
    task: "segmentation",
    cases: 2,
    patients: 2,
    modalities: ["t1"],
    headersRead: 2,
    labelsRead: 2,
    sizeVox: same,
    spacingMm: same,
    extentMm: [1, 1, 1],
    labels: [],
    exclusive: true,
    classes: {},
  };
  const chosen = { inference: { threshold: 0.3 }, notes: ["Chosen by validation: threshold 0.3."], figures: null };
  const report = reportOf({ plan: { fingerprint, recipe, reasons, expected }, chosen });
  const html = renderHtml(report);
  assert.ok(html.includes("<h2>Plan</h2><p>700 updates · 5 min for the whole job · 1.0 GiB</p>"));
  assert.equal(html.split("&lt;few&gt;").length - 1, 1);
  assert.ok(html.includes("<li>Chosen by validation: threshold 0.3.</li>"));
  const json = reportJson(report);
  assert.deepEqual(json.chosen, { threshold: 0.3, figures: null });
  assert.ok((json.notes as string[]).includes(reasons[0]));
});

Deno.test("renderHtml() says in its first sentence that nobody was held out", () => {
  const [, final] = reportOf().phases;
  const html = renderHtml(reportOf({ validation: null, phases: [final] }));
  assert.ok(
    html.includes(
      "No patient was held out, so that nothing is known of new ones. On the cases that it was trained on, the mean Dice was " +
        "0.50.",
    ),
  );
  assert.ok(html.includes("<h2>Training cases</h2>"));
  assert.ok(html.includes("What to expect of a new patient is not known: no held-out patient has a figure."));
});

Deno.test("renderHtml() lists a classification's probabilities", () => {
  const { request } = reportOf();
  const html = renderHtml(reportOf({
    request: { ...request, task: "classification", classes: ["<a>", "b"] },
    phases: [{
      name: "final",
      losses: [1],
      ...GIVEN,
      scores: [{ case: 0, probabilities: [0.25, 0.75], classIndex: 1 }],
    }],
    validation: null,
    training: { accuracy: 1, auc: null, macroF1: 1 },
  }));
  assert.ok(html.includes('<tr><th scope="row">one</th><td>b</td><td>b</td><td>0.750</td></tr>'));
  assert.ok(html.includes('<th scope="col">&lt;a&gt;</th><th scope="col">b</th></tr>'));
  assert.ok(html.includes('<tr><th scope="row">one</th><td>0.250</td><td>0.750</td></tr>'));
  assert.ok(html.includes('<tr><th scope="row">training cases</th><td>1.000</td><td>–</td><td>1.000</td></tr>'));
});

Deno.test("withoutPatients() leaves no name, picture or person's words of a case in either form, and every figure", () => {
  const canary = "DOE^JANE";
  const { request } = reportOf();
  const cases = [{ id: `${canary} 2`, patient: `${canary} p` }, { id: `${canary} 1`, patient: `${canary} p` }];
  const report = reportOf({
    request: { ...request, cases, leftOut: [{ case: `${canary} 3`, reason: `${canary} moved` }] },
    templateFits: [{ case: cases[1].id, fits: false, similarity: { t1: -0.3 }, overlap: 0.05 }],
  });
  const texts = (r: Report) => JSON.stringify(reportJson(r)) + renderHtml(r);
  assert.ok(texts(report).includes(canary) && texts(report).includes("data:image/png"));
  const packaged = withoutPatients(report);
  assert.doesNotMatch(texts(packaged), /DOE|moved|data:image/);
  const json = reportJson(packaged);
  assert.deepEqual(json.leftOut, [{ case: "left-out case 1", reason: "the training's own report has it" }]);
  assert.deepEqual(json.templateFit, [{ case: "case 2", fits: false, similarity: { t1: -0.3 }, overlap: 0.05 }]);
  assert.deepEqual([json.cases, json.patients, json.validation], [2, 1, reportJson(report).validation]);
  assert.match(renderHtml(packaged), /Cases and patients are numbered and pictures are left out/);
});
