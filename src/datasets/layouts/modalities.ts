/** The one place that knows how people spell modalities. */
import { ANY_MODALITY, type Modality } from "../../inference/mod.ts";

/** Spellings in data sets and archives, lower case without separators → canonical name. */
const ALIASES: Readonly<Record<string, Modality>> = {
  t1: "t1",
  t1n: "t1",
  t1w: "t1",
  t1native: "t1",
  t1c: "t1c",
  t1ce: "t1c",
  t1gd: "t1c",
  t1gad: "t1c",
  t1contrast: "t1c",
  t1post: "t1c",
  t1km: "t1c",
  t2: "t2",
  t2w: "t2",
  flair: "flair",
  t2f: "flair",
  t2flair: "flair",
  fl: "flair",
  pd: "pd",
  pdw: "pd",
  mra: "mra",
  tof: "mra",
  dwi: "dwi",
  trace: "dwi",
  adc: "adc",
};

/** The canonical name of an input: a modality, or "any". */
export function inputFromName(name: string): Modality | null {
  return name === ANY_MODALITY ? ANY_MODALITY : modalityFromName(name);
}

/** The canonical name of a modality as somebody wrote it (`T1CE`, `t1-gd`, `T2-FLAIR`, …), or null. */
export function modalityFromName(name: string): Modality | null {
  const key = name.toLowerCase().replaceAll(/[\s_.-]/g, "");
  return Object.hasOwn(ALIASES, key) ? ALIASES[key] : null;
}
