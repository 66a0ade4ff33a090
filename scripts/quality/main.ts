/**
 * Measures how far a model's quality scores follow the true Dice: answers labelled cases that it was not trained on, as they
 * are and damaged, and writes score, Dice, warnings and facts of every answer as JSON, with their correlation.
 *
 *     deno run -A scripts/quality/main.ts --model PACKAGE --data DIR --out FILE.json [--quality full] [--cases N] [--seed N]
 *
 * With `--training DIR --held DIR`, cases that the model was trained on and others that it was not, the model knows what a
 * fine-tune with folds would know of them.
 */
import { openEngine } from "../../src/engine/mod.ts";
import { readPackage, specOf } from "../../src/registry/mod.ts";
import { type Answer, answers } from "./answers.ts";
import { calibrated, labelledIn } from "./calibrated.ts";
import { DAMAGES } from "./damages.ts";
import { summaryOf } from "./summary.ts";
import { flagsOf, numberOf, refuseWords } from "../flags.ts";

const { values } = flagsOf({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    out: { type: "string" },
    training: { type: "string" },
    held: { type: "string" },
    quality: { type: "string", default: "quick" },
    cases: { type: "string", default: "30" },
    seed: { type: "string", default: "0" },
    damages: { type: "string", default: Object.keys(DAMAGES).join(",") },
  },
});
const { model, data, out } = values;
if (model === undefined || data === undefined || out === undefined) {
  refuseWords("expected --model, --data and --out");
}
const [most, seed] = [numberOf("--cases", values.cases, { from: 1 }), numberOf("--seed", values.seed)];
const manifest = await readPackage(model);
const cases = (await labelledIn(data)).slice(0, most);
const engine = await openEngine("cpu");
const folder = await Deno.makeTempDir();
const all: Answer[] = [];
try {
  const plain = { engine, directory: model, spec: specOf(manifest), folder, seed };
  const spec = values.training === undefined || values.held === undefined ? plain.spec : await calibrated(plain, {
    training: await labelledIn(values.training),
    held: await labelledIn(values.held),
  });
  const options = { ...plain, spec, cases };
  const quality = values.quality === "full" ? "full" : "quick";
  for await (const answer of answers({ ...options, damages: values.damages.split(","), quality })) {
    all.push(answer);
    console.error(
      `${all.length}: ${answer.damage}: Dice ${answer.dice.toFixed(2)}, score ${answer.quality.score?.toFixed(2)}`,
    );
  }
} finally {
  await engine.close();
  await Deno.remove(folder, { recursive: true });
}
const summary = summaryOf(all);
await Deno.writeTextFile(out, JSON.stringify({ cases: cases.length, quality: values.quality, summary, answers: all }));
console.log(JSON.stringify(summary, null, 2));
