/** Crops as a training draws them: what each takes by the presets' changes, and with every strong change at once. */
import { Random, sizeOf } from "../../src/tensor/mod.ts";
import {
  type Augmentation,
  type Croppable,
  drawSample,
  resolveRecipe,
  STRONG_AUGMENTATION,
} from "../../src/train/mod.ts";
import { type Row, timesOf } from "./measure.ts";

const VOLUME = [160, 192, 160] as const;

/** Crops of a case, and how often each is drawn: its fastest time counts, for other work of the machine interrupts some. */
const CROPS = 40, REPEATS = 4;

/** Every kind of change in every crop. */
const ALL: Augmentation = {
  ...STRONG_AUGMENTATION,
  rotation: { ...STRONG_AUGMENTATION.rotation, chance: 1 },
  scaling: { ...STRONG_AUGMENTATION.scaling, chance: 1 },
  elastic: { ...STRONG_AUGMENTATION.elastic, chance: 1 },
  noise: { ...STRONG_AUGMENTATION.noise, chance: 1 },
  blur: { ...STRONG_AUGMENTATION.blur, chance: 1, perModality: 1 },
  brightness: { ...STRONG_AUGMENTATION.brightness, chance: 1 },
  contrast: { ...STRONG_AUGMENTATION.contrast, chance: 1 },
  lowResolution: { ...STRONG_AUGMENTATION.lowResolution, chance: 1, perModality: 1 },
  gamma: { ...STRONG_AUGMENTATION.gamma, chance: 1, inverted: 1 },
};

/** Milliseconds a crop of a case with two labels; needs no device. */
export function draws(
  { name, size, channels }: { readonly name: string; readonly size: number; readonly channels: number },
): Promise<Row> {
  const volumes = volumesOf(channels);
  const recipe = resolveRecipe({ preset: "edge", roi: [size, size, size] }, {
    cases: 1,
    baseHasTemplates: false,
    task: "segmentation",
    network: "uniunet",
    percentilesOver: null,
  });
  const perCrop = (augmentation: Augmentation | null) => {
    const timed = (seed: number) => {
      const start = performance.now();
      drawSample(volumes, { ...recipe, augmentation }, new Random(seed));
      return performance.now() - start;
    };
    const rounds = Array.from({ length: REPEATS }, () => Array.from({ length: CROPS }, (_, i) => timed(i)));
    return rounds[0].map((_, i) => Math.min(...rounds.map((times) => times[i])));
  };
  const strong = perCrop(STRONG_AUGMENTATION), mean = (ms: readonly number[]) => ms.reduce((a, b) => a + b) / ms.length;
  const tenths = (ms: number) => Math.round(10 * ms) / 10;
  return Promise.resolve({
    name,
    ...timesOf(strong),
    peakGb: 0,
    plainMs: tenths(mean(perCrop(null))),
    strongMs: tenths(mean(strong)),
    allMs: tenths(mean(perCrop(ALL))),
  });
}

function volumesOf(channels: number): Croppable {
  const voxels = sizeOf(VOLUME), random = new Random(1);
  const image = Float32Array.from({ length: voxels }, () => random.uniform());
  const regions = [60, 100].map((edge) => Uint8Array.from({ length: voxels }, (_, i) => Number(i % VOLUME[2] < edge)));
  const labelledOf = regions.map(() => Uint32Array.from({ length: 1000 }, (_, i) => 4000 * i));
  return {
    sizeVox: VOLUME,
    channels: Array.from({ length: channels }, () => image),
    templates: [],
    regions,
    labelled: labelledOf[0],
    labelledOf,
  };
}
