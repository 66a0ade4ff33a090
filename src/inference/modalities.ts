/** The modalities, with their meaning and spellings. The one place that lists them. */

interface ModalityRecord {
  /** For help texts. */
  readonly is: string;
  /** Spellings in file names, archives and descriptions: lower case, without separators. */
  readonly spellings: readonly string[];
  /**
   * The modality whose look it shares. T1 after contrast looks like T1: only vessels and lesions that take up the contrast
   * are brighter, and a volume without skull and without such lesions hardly shows any.
   */
  readonly looksLike?: string;
}

/** Canonical names (docs/method E.4), in the order that lists show them. */
const TABLE = {
  t1: {
    is: "T1-weighted, without contrast agent",
    spellings: ["t1", "t1n", "t1w", "t1wi", "t1native", "t1weighted", "t1pre", "t1precontrast", "t1mprage"],
  },
  t1c: {
    is: "T1-weighted, with contrast agent",
    spellings: [
      ...["t1c", "t1ce", "t1gd", "t1gad", "t1gado", "t1gadolinium", "t1contrast", "t1contrastenhanced", "t1post"],
      ...["t1postcontrast", "t1postgd", "t1km", "t1+c", "t1c+", "t1+gd", "cet1", "cet1w", "gado"],
      ...["t1wc", "t1wce", "t1wgd", "t1wgad", "t1wcontrast", "t1wpost", "t1wpostcontrast", "t1wcontrastenhanced"],
      ...["t1weightedce", "t1weightedgd", "t1weightedcontrastenhanced", "t1weightedpostcontrast"],
      ...["contrastenhancedt1", "contrastenhancedt1w", "postcontrastt1", "postcontrastt1w"],
    ],
    looksLike: "t1",
  },
  t2: { is: "T2-weighted", spellings: ["t2", "t2w", "t2wi", "t2weighted"] },
  flair: {
    is: "FLAIR",
    spellings: ["flair", "t2f", "t2flair", "flairt2", "t2wflair", "t2weightedflair", "flairw", "flairweighted", "fl"],
  },
  pd: {
    is: "Proton density",
    spellings: ["pd", "pdw", "pdweighted", "protondensity", "protondensityweighted", "dp"],
  },
  mra: { is: "MR angiography (time of flight)", spellings: ["mra", "tof", "tofmra", "mratof", "mrangiography"] },
  dwi: { is: "Diffusion-weighted (trace)", spellings: ["dwi", "trace", "dwitrace", "diffusionweighted"] },
  adc: { is: "Apparent diffusion coefficient", spellings: ["adc", "adcmap", "apparentdiffusioncoefficient"] },
} as const satisfies Readonly<Record<string, ModalityRecord>>;

type Known = keyof typeof TABLE;

export const MODALITIES = Object.keys(TABLE) as readonly Known[];
/** One volume of any modality: the only input of a classifier that judges single volumes. */
export const ANY_MODALITY = "any";
/** The class of a volume that is none of the modalities, for classifiers that tell modalities apart. */
export const OTHER = "other";
/** The names that an input may have. */
export const INPUTS = [...MODALITIES, ANY_MODALITY] as const;
export type Modality = (typeof INPUTS)[number];

/** Every input in words. */
export const INPUT_MEANINGS = Object.fromEntries([
  ...MODALITIES.map((m) => [m, TABLE[m].is]),
  [ANY_MODALITY, "A volume of any modality, for models that take one of whatever kind"],
]) as Readonly<Record<Modality, string>>;

const BY_SPELLING: ReadonlyMap<string, Known> = new Map(
  MODALITIES.flatMap((m) => TABLE[m].spellings.map((spelling) => [spelling, m])),
);

/** The canonical name of a modality from any spelling of it (`T1CE`, `t1-gd`, `T2-FLAIR`, …), or null. */
export function modalityFromName(name: string): Modality | null {
  return BY_SPELLING.get(name.toLowerCase().replaceAll(/[\s_.()-]/g, "")) ?? null;
}

/** The canonical name of an input: a modality, or "any". */
export function inputFromName(name: string): Modality | null {
  return name === ANY_MODALITY ? ANY_MODALITY : modalityFromName(name);
}

/** The modality that a volume looks like: its own, or the record's `looksLike`. */
export function lookOf(modality: Modality): Modality {
  if (modality === ANY_MODALITY) return modality;
  const record = TABLE[modality];
  return "looksLike" in record ? record.looksLike : modality;
}
