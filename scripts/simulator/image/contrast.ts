/** The contrast of one subject's scans: every class's mean and spread, realistic or random. */
import type { Random } from "../../../src/tensor/mod.ts";
import { CLASSES, classOf } from "../anatomy/classes.ts";
import type { Modality } from "./modalities.ts";
import { meansOf, texturesOf } from "./signals.ts";

export type ContrastKind = "real" | "random";

/** By modality: mean and within-class deviation of each class, white matter of real contrasts being about 1. */
export interface Contrast {
  readonly means: Float32Array;
  readonly textures: Float32Array;
}

export function drawContrast(random: Random, modality: Modality, kind: ContrastKind): Contrast {
  return kind === "real" ? realContrast(random, modality) : randomContrast(random);
}

/** Scanners weight the same tissues more or less strongly; tissues differ a little besides. */
function realContrast(random: Random, modality: Modality): Contrast {
  const strength = Math.min(Math.max(1 + 0.13 * random.normal(), 0.65), 1.35);
  const means = meansOf(modality).map((mean, i) => {
    if (i === 0) return 0;
    const own = mean * Math.exp(0.035 * random.normal());
    // Dark stays dark: fluid in t1 and bone do not follow the contrast of white and grey matter.
    return mean > 0.45 && mean < 2.5 ? Math.max(0.05, 1 + (own - 1) * strength) : own;
  });
  const fat = fatFactor(random, modality);
  means[classOf("fat")] *= fat;
  means[classOf("marrow")] *= fat;
  const variety = Math.exp(0.25 * random.normal());
  return { means, textures: texturesOf(modality).map((t) => t * variety) };
}

/** Chance that a protocol suppresses fat; diffusion always does, by its means. */
const SUPPRESSED: Readonly<Partial<Record<Modality, number>>> = { t1: 0.05, t1c: 0.25, t2: 0.3, flair: 0.3, pd: 0.1 };

/** Fat differs most between protocols: suppressed or not, and by the echo time. */
function fatFactor(random: Random, modality: Modality): number {
  const factor = Math.exp(0.2 * random.normal());
  return random.uniform() < (SUPPRESSED[modality] ?? 0) ? 0.3 * factor : factor;
}

/** Any grey for any tissue, as SynthSeg does (Billot et al. 2023): a network cannot lean on contrast. */
function randomContrast(random: Random): Contrast {
  const means = Float32Array.from(CLASSES, () => 0.05 + 1.45 * random.uniform());
  const textures = Float32Array.from(CLASSES, () => 0.005 + 0.1 * random.uniform());
  means[classOf("air")] = random.uniform() < 0.8 ? 0 : 0.3 * random.uniform();
  textures[classOf("air")] = 0;
  return { means, textures };
}
