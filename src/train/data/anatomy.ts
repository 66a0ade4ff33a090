/**
 * Unlabelled cases laid on each other by anatomy: a reference is made of some of them, group-wise, and each is registered to
 * it. So the same voxel of a template is the same place in every head. Knows nothing of what is learnt there.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Modality, placedTemplate, templatePlacement } from "../../inference/mod.ts";
import { writeWhole } from "../../storage/mod.ts";
import {
  applyAffine,
  findForeground,
  type GridImage,
  invertAffine,
  multiplyAffines,
  perAxis,
  shrunk,
  spacingAffine,
  type Triple,
  voxelsOf,
} from "../../volume/mod.ts";
import { readCase, writeCase } from "./case_file.ts";
import { CaseStore } from "./case_store.ts";
import {
  preparePretrainingCase,
  type PretrainingCasesOptions,
  pretrainingKeys,
  type Upright,
} from "./unlabelled_cases.ts";

/** Voxel size of the copies that are registered. */
const COARSE_MM = 4;
/** The reference's field of view: a head without its neck. */
const REFERENCE_VOX: Triple = [50, 60, 50];
/** A head reaches so far below its top, mm. */
const HEAD_MM = 180;
/** Cases that the reference is made of, at most, and how often it is made anew. */
const MOST_CASES = 12;
const ROUNDS = 2;
/** Changes with what is found. */
const FORM = 1;

/** A case at {@link COARSE_MM}. */
interface Coarse {
  readonly modalities: readonly Modality[];
  readonly affineRas: readonly number[];
  readonly sizeVox: Triple;
  readonly channels: readonly Float32Array[];
}

type Images = ReadonlyMap<Modality, GridImage>;

/**
 * How each case lies against a common reference; null: it does not fit there, as a small part of a head does not. Found once
 * for a set of cases, then read back.
 * @throws {TrainingError} `invalid-data`: a case's volumes cannot be used, naming the case's number
 */
export async function uprightsOf(options: PretrainingCasesOptions): Promise<readonly (Upright | null)[]> {
  const { cases, recipe, directory, onCase, keepsReference = false } = options;
  const keys = await pretrainingKeys(options);
  const name = createHash("sha256").update(JSON.stringify([FORM, keys])).digest("hex").slice(0, 32);
  const path = join(directory, `uprights-${name}.json`);
  const known = await readFile(path, "utf8").catch(() => null);
  if (known !== null) return JSON.parse(known);
  const coarse = await CaseStore.open<Coarse, Pick<Coarse, "modalities" | "affineRas">>({
    directory: join(directory, "coarse"),
    keys,
    prepare: async (i) => coarseOf(await preparePretrainingCase(cases[i], recipe)),
    pack: ({ modalities, affineRas, sizeVox, channels }) => ({
      header: { modalities, affineRas },
      sizeVox,
      floats: channels,
      masks: [],
    }),
    unpack: ({ header, sizeVox, floats }) => ({ ...header, sizeVox, channels: floats }),
    onCase,
  });
  const reference = keepsReference
    ? await keptReference(join(directory, `reference-${FORM}.volumes`), () => referenceOf(coarse))
    : await referenceOf(coarse);
  const found: (Upright | null)[] = [];
  for (let i = 0; i < coarse.length; i++) {
    const placed = templatePlacement(imagesOf(await coarse.get(i)), reference, "similarity");
    found.push(placed.fits ? uprightOf(placed.affine) : null);
  }
  await writeWhole(path, JSON.stringify(found));
  if (keepsReference) await coarse.dropOthers();
  return found;
}

/** The reference in a file, or one that is made now and written there. */
async function keptReference(path: string, make: () => Promise<Images>): Promise<Images> {
  const known = await readCase<Pick<Coarse, "modalities" | "affineRas">>(path);
  if (known !== null) return imagesOf({ ...known.header, sizeVox: known.sizeVox, channels: known.floats });
  const made = await make(), [{ sizeVox, affineRas }] = made.values();
  const header = { modalities: [...made.keys()], affineRas };
  await writeCase(path, {
    header,
    sizeVox,
    floats: [...made.values()].map(({ data }) => Float32Array.from(data)),
    masks: [],
  });
  return made;
}

function coarseOf({ modalities, affineRas, sizeVox, channels }: Coarse): Coarse {
  const small = channels.map((data) => shrunk({ data, sizeVox, affineRas }, COARSE_MM));
  return { modalities, affineRas: small[0].affineRas, sizeVox: small[0].sizeVox, channels: small.map((s) => s.data) };
}

const imagesOf = ({ modalities, affineRas, sizeVox, channels }: Coarse): Images =>
  new Map(modalities.map((m, k) => [m, { data: channels[k], sizeVox, affineRas }]));

/** The map of a similarity as turn, scale and the place of the reference's middle. */
export function uprightOf(affine: readonly number[]): Upright {
  const linear = [0, 1, 2].flatMap((r) => affine.slice(4 * r, 4 * r + 3));
  const scale = Math.hypot(linear[0], linear[3], linear[6]);
  return { turn: linear.map((v) => v / scale), scale, middleMm: perAxis((r) => affine[4 * r + 3]) };
}

/** The mean of each modality over some cases, on a grid around 0 mm, in the cases' mean pose and size. */
async function referenceOf(cases: CaseStore<Coarse>): Promise<Images> {
  const chosen = await chosenCases(cases);
  let reference = imagesOf(await cases.get(chosen[0]));
  for (let round = 0; round < ROUNDS; round++) {
    const found = new Map<number, readonly number[]>();
    for (const i of chosen) {
      const images = imagesOf(await cases.get(i));
      const { affine, fits } = templatePlacement(images, reference, "similarity");
      if (!fits) continue;
      found.set(i, affine);
      reference = completed(reference, images, affine);
    }
    // the first case fits itself
    if (found.size === 0) break;
    const towards = poseOf([...found.values()], middleOf(reference));
    reference = await meansOf(cases, new Map([...found].map(([i, affine]) => [i, multiplyAffines(affine, towards)])));
  }
  return reference;
}

/** Those with modalities that no other has, then those with most modalities. */
async function chosenCases(cases: CaseStore<Coarse>): Promise<number[]> {
  const of: (readonly Modality[])[] = [];
  for (let i = 0; i < cases.length; i++) of.push((await cases.get(i)).modalities);
  const order = of.map((_, i) => i).sort((a, b) => of[b].length - of[a].length || a - b);
  const known = new Set<Modality>();
  const needed = order.filter((i) => {
    const isNew = of[i].some((m) => !known.has(m));
    of[i].forEach((m) => known.add(m));
    return isNew;
  });
  return [...new Set([...needed, ...order])].slice(0, Math.max(MOST_CASES, needed.length));
}

/** The reference with the modalities that only this case has, laid on it. */
function completed(reference: Images, images: Images, affine: readonly number[]): Images {
  const more = new Map(reference), [grid] = reference.values(), back = { affine: invertAffine(affine) };
  for (const [m, image] of images) {
    if (!more.has(m)) more.set(m, { ...grid, data: placedTemplate(image, grid, back) });
  }
  return more;
}

/** The map from a space in which the cases have no turn and no growth in the mean, its 0 at `middleMm`, to the reference's. */
function poseOf(affines: readonly (readonly number[])[], middleMm: Triple): number[] {
  const uprights = affines.map(uprightOf),
    mean = (of: (u: Upright) => number) => uprights.reduce((sum, u) => sum + of(u), 0) / uprights.length;
  const scale = Math.exp(mean((u) => Math.log(u.scale)));
  // rows of the mean turn are the columns of its inverse
  const x = unit(perAxis((c) => mean((u) => u.turn[c]))), about = perAxis((c) => mean((u) => u.turn[3 + c]));
  const along = x[0] * about[0] + x[1] * about[1] + x[2] * about[2];
  const y = unit(perAxis((c) => about[c] - along * x[c]));
  const z = perAxis((c) => x[(c + 1) % 3] * y[(c + 2) % 3] - x[(c + 2) % 3] * y[(c + 1) % 3]);
  return [0, 1, 2].flatMap((r) => [x[r] / scale, y[r] / scale, z[r] / scale, middleMm[r]]).concat([0, 0, 0, 1]);
}

function unit(v: Triple): Triple {
  const length = Math.hypot(...v);
  return perAxis((a) => v[a] / length);
}

/** The middle of a head without its neck, mm. */
function middleOf(images: Images): Triple {
  const ends = [...images.values()].flatMap((image) => {
    const { box } = findForeground(image);
    return box === null
      ? []
      : [0, 1, 2, 3, 4, 5, 6, 7].map((k) =>
        applyAffine(image.affineRas, perAxis((a) => (k >> a & 1) === 0 ? box.start[a] : box.end[a] - 1))
      );
  });
  const [low, high] = [Math.min, Math.max].map((end) => perAxis((a) => end(...ends.map((p) => p[a]))));
  return [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (Math.max(low[2], high[2] - HEAD_MM) + high[2]) / 2];
}

/** The mean of each modality over the cases that are placed. */
async function meansOf(cases: CaseStore<Coarse>, placed: ReadonlyMap<number, readonly number[]>): Promise<Images> {
  const spacingMm: Triple = [COARSE_MM, COARSE_MM, COARSE_MM];
  const grid = {
    sizeVox: REFERENCE_VOX,
    affineRas: spacingAffine(spacingMm, perAxis((a) => -COARSE_MM * (REFERENCE_VOX[a] - 1) / 2)),
  };
  const sums = new Map<Modality, { data: Float32Array; count: number }>();
  for (const [i, affine] of placed) {
    for (const [m, image] of imagesOf(await cases.get(i))) {
      const { data, count } = sums.get(m) ?? { data: new Float32Array(voxelsOf(REFERENCE_VOX)), count: 0 };
      placedTemplate(image, grid, { affine: invertAffine(affine) }).forEach((v, k) => data[k] += v);
      sums.set(m, { data, count: count + 1 });
    }
  }
  return new Map([...sums].map(([m, { data, count }]) => [m, { ...grid, data: data.map((v) => v / count) }]));
}
