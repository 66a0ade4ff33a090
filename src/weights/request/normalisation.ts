/** Normalisations as a text of one line writes them: `z-score:nonzero`, `percentiles:0.5,99.5`; channels with `;` between. */

/** The value of a text in the manifest's terms, unchecked. @throws {RangeError} a word that no normalisation has */
export function readNormalisation(text: string): unknown[] {
  return text.split(";").map((entry) => {
    const [kind, ...rest] = entry.trim().split(":").map((part) => part.trim());
    if (!Object.hasOwn(KINDS, kind)) throw new RangeError(`${expectedOf(kind)}`);
    const numbers = rest.filter((part) => /^[-+\d.]/.test(part)).map((part) => part.split(",").map(Number));
    const words = rest.filter((part) => !/^[-+\d.]/.test(part));
    return { kind, ...KINDS[kind](numbers, new Words(words)) };
  });
}

const NORMALISATIONS = "z-score:nonzero, percentiles:LOW,HIGH, fixed:MEAN,DEVIATION, range:A,B,C,D, min-max or none";
const expectedOf = (got: string) => `expected ${NORMALISATIONS}, got ${got}`;
/** For help texts. */
export const NORMALISATION_HELP = "z-score[:OVER], percentiles:LOW,HIGH[:OVER][:clip], min-max[:TO,TO][:OVER], " +
  "fixed:MEAN,DEVIATION[:LEAST,MOST], range:FROM,FROM,TO,TO[:clip] or none; OVER is volume, nonzero, mask or foreground, " +
  "default volume";

/** The words of an entry: switches, and one that names the voxels of the statistic. */
class Words {
  readonly #left: Set<string>;
  constructor(words: readonly string[]) {
    this.#left = new Set(words);
  }
  has(word: string): boolean {
    return this.#left.delete(word);
  }
  /** The rest is one word at most. */
  over(): string {
    const [over = "volume", ...more] = this.#left;
    if (more.length > 0) throw new RangeError(expectedOf(more[0]));
    return over;
  }
  none(): void {
    const [word] = this.#left;
    if (word !== undefined) throw new RangeError(expectedOf(word));
  }
}

type Numbers = readonly (readonly number[])[];
/** The schema refuses what lacks its numbers. */
const NONE: readonly number[] = [];
const joint = (words: Words) => words.has("joint") ? { joint: true } : {};

const KINDS: Readonly<Record<string, (numbers: Numbers, words: Words) => object>> = {
  "z-score": ([clip], words) => ({
    ...clip && { clipPercentiles: clip },
    ...joint(words),
    over: words.over(),
  }),
  percentiles: ([ends = NONE, to], words) => ({
    lower: ends[0],
    upper: ends[1],
    ...to && { to },
    clip: words.has("clip"),
    ...joint(words),
    over: words.over(),
  }),
  "min-max": ([to = [0, 1]], words) => ({ to, ...joint(words), over: words.over() }),
  fixed([numbers = NONE, clip], words) {
    words.none();
    return { mean: numbers[0], deviation: numbers[1], ...clip && { clip } };
  },
  range([numbers = NONE], words) {
    const clip = words.has("clip");
    words.none();
    return { from: numbers.slice(0, 2), to: numbers.slice(2), clip };
  },
  none(_, words) {
    words.none();
    return {};
  },
};
