/**
 * The Sulcus half of `presets.sh`: imports the networks that `presets.py` trained with nothing but their frameworks' own
 * files, segments the same patients, and prints the Dice of each label to the framework's mask. Fails below 0.99.
 */
import { basename, join } from "node:path";
import { openEngine } from "../../src/engine/mod.ts";
import { segment } from "../../src/inference/mod.ts";
import { readVolume } from "../../src/volume/mod.ts";
import { diceOf } from "../../tests/testing/dice.ts";
import { importWeights } from "../../src/weights/import_weights.ts";

const LEAST = 0.99;
const [folder] = Deno.args;

interface Case {
  readonly patients: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Every file of a case that describes its network, by name, and the network. */
function filesOf(at: string): { readonly path: string; readonly files: Record<string, string> } {
  const found = [...walk(at)];
  const path = found.find((file) => /\.(onnx|pth)$/.test(file))!;
  const described = found.filter((file) => /^(metadata|inference|plans|dataset)\.json$/.test(basename(file)));
  return { path, files: Object.fromEntries(described.map((file) => [basename(file), file])) };
}

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* walk(join(folder, name));
    else yield join(folder, name);
  }
}

const engine = await openEngine("cpu");
let worst = 1;
for (
  const { name } of [...Deno.readDirSync(folder)].filter((e) => e.isDirectory).sort((a, b) => a.name < b.name ? -1 : 1)
) {
  const at = join(folder, name), out = await Deno.makeTempDir();
  const { patients }: Case = JSON.parse(await Deno.readTextFile(join(at, "case.json")));
  const { draft } = await importWeights(filesOf(at), { name: "check" }, out);
  for (const [patient, images] of Object.entries(patients)) {
    const outPath = join(out, `${patient}.nii.gz`);
    await segment({ directory: out, spec: draft, images, engine, output: "labels", outPath });
    const ours = (await readVolume(outPath)).data, theirs = (await readVolume(join(at, `${patient}.nii.gz`))).data;
    for (const [i, dice] of diceOf(ours, theirs, draft.labels.map((l) => l.value)).entries()) {
      worst = Math.min(worst, dice);
      console.log(`| ${name} | ${patient} | ${draft.labels[i].name} | ${dice.toFixed(5)} |`);
    }
  }
  await Deno.remove(out, { recursive: true });
}
await engine.close();
if (!(worst >= LEAST)) throw new Error(`expected a Dice of at least ${LEAST}, got ${worst.toFixed(5)}`);
