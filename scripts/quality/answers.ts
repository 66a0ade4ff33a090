/** Answers of a model to images that are damaged: the score of each beside the true Dice. */
import { join } from "node:path";
import type { Engine } from "../../src/engine/mod.ts";
import {
  type CaseQuality,
  type ImageFacts,
  imageFacts,
  type Modality,
  type ModelSpec,
  prepare,
  type QualityEffort,
  segment,
} from "../../src/inference/mod.ts";
import { dice } from "../../src/metrics/mod.ts";
import { Random } from "../../src/tensor/mod.ts";
import { readVolume, writeVolume } from "../../src/volume/mod.ts";
import { DAMAGES, type Pair } from "./damages.ts";

/** A labelled case: its images, of which each is damaged in the same way. */
export interface Labelled {
  readonly name: string;
  readonly images: Readonly<Partial<Record<Modality, string>>>;
  readonly label: string;
}

export interface Answer {
  readonly case: string;
  readonly damage: string;
  /** The mean over the labels, each 1 where neither mask has a voxel. */
  readonly dice: number;
  readonly quality: CaseQuality;
  /** Codes of the warnings. */
  readonly warnings: readonly string[];
  readonly facts: readonly ImageFacts[];
  /** Of each label. */
  readonly volumesMl: readonly number[];
}

export interface AnswersOptions {
  readonly engine: Engine;
  readonly directory: string;
  readonly spec: ModelSpec;
  readonly cases: readonly Labelled[];
  readonly damages: readonly string[];
  readonly quality: QualityEffort;
  readonly seed: number;
  /** Damaged files and masks. */
  readonly folder: string;
}

/** Segments every case with every damage. */
export async function* answers(options: AnswersOptions): AsyncGenerator<Answer> {
  const { engine, directory, spec, cases, damages, quality, seed, folder } = options;
  for (const { name, images, label } of cases) {
    const truth = await readVolume(label);
    const originals = await Promise.all(
      Object.entries(images).map(async ([modality, path]) => [modality as Modality, await readVolume(path)] as const),
    );
    for (const damage of damages) {
      const written: Partial<Record<Modality, string>> = {};
      let changed: Pair | null = null;
      for (const [modality, volume] of originals) {
        // the same draw for every modality: they were taken in one examination
        changed = DAMAGES[damage]({ image: volume, label: truth }, new Random(`${seed} ${name} ${damage}`));
        written[modality] = join(folder, `${modality}.nii.gz`);
        await write(written[modality], changed.image);
      }
      const outPath = join(folder, "mask.nii.gz");
      const result = await segment({ engine, directory, spec, images: written, output: "labels", quality, outPath });
      const { data: mask } = await readVolume(outPath), reference = changed!.label.data;
      const each = spec.labels.map(({ value, sourceValues = [value] }) => {
        const own = Uint8Array.from(mask, (v) => Number(v === value));
        return dice(own, Uint8Array.from(reference, (v) => Number(sourceValues.includes(v))), { empty: "one" });
      });
      const prepared = await prepare({ spec, images: written });
      yield {
        case: name,
        damage,
        dice: each.reduce((a, b) => a + b) / each.length,
        quality: result.quality!,
        warnings: result.warnings.map(({ code }) => code),
        volumesMl: result.labels.map(({ volumeMl }) => volumeMl),
        facts: imageFacts(prepared, spec.modalities),
      };
    }
  }
}

async function write(path: string, { data, sizeVox, affineRas }: Pair["image"]): Promise<void> {
  await writeVolume(path, { data: Float32Array.from(data), grid: { sizeVox, affineRas } });
}
