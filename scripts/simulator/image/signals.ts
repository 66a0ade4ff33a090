/**
 * What tissues look like: the mean signal of every class in every modality, cerebral white matter being 1, and how much
 * it varies. White and grey matter and lesions of t1, t1c, t2 and flair are fitted to the patients of `ms`, skull and
 * scalp to the scans of `ms-longitudinal`; the rest follows the literature's relaxation times, densities and diffusion.
 */
import { CLASSES, type ClassName } from "../anatomy/classes.ts";
import { MODALITIES, type Modality } from "./modalities.ts";

/** Means in the order of {@link MODALITIES}: t1, t1c, t2, flair, pd, dwi, adc, mra. */
const MEANS: Readonly<Record<ClassName, readonly number[]>> = {
  "air": [0, 0, 0, 0, 0, 0, 0, 0],
  "white matter": [1, 1, 1, 1, 1, 1, 1, 1],
  "cortex": [0.73, 0.87, 1.36, 1.18, 1.22, 1.2, 1.12, 0.93],
  "ventricle": [0.15, 0.17, 3.3, 0.12, 1.4, 0.25, 4.1, 0.5],
  "choroid plexus": [0.42, 1, 2.4, 0.75, 1.4, 0.55, 2.8, 0.8],
  "outer fluid": [0.2, 0.24, 3.2, 0.16, 1.4, 0.35, 3.7, 0.52],
  "cerebellar white matter": [0.98, 0.98, 1, 1.02, 1, 1.02, 0.92, 1],
  "cerebellar cortex": [0.74, 0.87, 1.3, 1.16, 1.2, 1.15, 1.05, 0.93],
  "brain stem": [0.93, 0.94, 1.1, 1.04, 1.04, 1.02, 0.97, 0.97],
  "ventral diencephalon": [0.91, 0.92, 1.06, 1.04, 1.05, 1.02, 1, 0.96],
  "thalamus": [0.84, 0.92, 1.16, 1.08, 1.1, 1.08, 1.02, 0.95],
  "caudate": [0.76, 0.88, 1.22, 1.16, 1.16, 1.06, 1.02, 0.93],
  "putamen": [0.8, 0.9, 1.12, 1.1, 1.13, 1.02, 1, 0.93],
  "pallidum": [0.95, 0.96, 0.78, 0.88, 0.98, 0.78, 1.02, 0.9],
  "hippocampus": [0.74, 0.87, 1.42, 1.27, 1.22, 1.2, 1.14, 0.93],
  "amygdala": [0.74, 0.87, 1.4, 1.25, 1.22, 1.15, 1.12, 0.93],
  "perivascular space": [0.3, 0.45, 2.3, 0.6, 1.3, 0.5, 2.2, 1.3],
  "optic nerve": [0.82, 0.85, 1.15, 1.05, 1.05, 0.95, 1, 0.95],
  "artery": [0.5, 1.5, 0.35, 0.4, 0.5, 0.15, 0.8, 3.3],
  "vein": [0.4, 1.45, 0.75, 0.55, 0.75, 0.25, 1, 0.75],
  "eye": [0.2, 0.22, 3.3, 0.16, 1.45, 0.3, 3.9, 0.45],
  "muscle": [0.6, 0.72, 0.52, 0.55, 0.72, 0.18, 1.1, 0.8],
  "mucosa": [0.55, 1.2, 2, 1.35, 1.3, 0.6, 1.8, 0.8],
  "skin": [0.62, 0.8, 0.45, 0.34, 0.6, 0.15, 0.8, 0.65],
  "spinal cord": [0.9, 0.91, 1.1, 1.02, 1.05, 1, 1, 0.97],
  "bone": [0.13, 0.15, 0.14, 0.13, 0.18, 0.05, 0.15, 0.15],
  "marrow": [1.4, 1.45, 1.1, 0.42, 1.05, 0.12, 0.3, 0.6],
  "fat": [2, 2, 2.1, 0.55, 1.4, 0.12, 0.3, 0.8],
};

/** How much voxels of one class differ, as a share of white matter's mean, without noise. */
const TEXTURES: Readonly<Record<ClassName, number>> = {
  "air": 0,
  "white matter": 0.02,
  "cortex": 0.05,
  "ventricle": 0.02,
  "choroid plexus": 0.25,
  "outer fluid": 0.08,
  "cerebellar white matter": 0.025,
  "cerebellar cortex": 0.06,
  "brain stem": 0.045,
  "ventral diencephalon": 0.06,
  "thalamus": 0.04,
  "caudate": 0.03,
  "putamen": 0.03,
  "pallidum": 0.035,
  "hippocampus": 0.05,
  "amygdala": 0.04,
  "perivascular space": 0.1,
  "optic nerve": 0.06,
  "artery": 0.15,
  "vein": 0.2,
  "eye": 0.03,
  "muscle": 0.14,
  "mucosa": 0.3,
  "skin": 0.15,
  "spinal cord": 0.05,
  "bone": 0.07,
  "marrow": 0.2,
  "fat": 0.07,
};

/** Means of every class in one modality, in the order of {@link CLASSES}. */
export function meansOf(modality: Modality): Float32Array {
  const column = MODALITIES.indexOf(modality);
  return Float32Array.from(CLASSES, ({ name }) => MEANS[name][column]);
}

/** Within-class deviations in the order of {@link CLASSES}; signal that is bright varies more. */
export function texturesOf(modality: Modality): Float32Array {
  const column = MODALITIES.indexOf(modality);
  return Float32Array.from(CLASSES, ({ name }) => TEXTURES[name] * Math.max(0.6, Math.min(MEANS[name][column], 2)));
}

/** A lesion's signal by modality, white matter being 1: least and greatest. */
type Span = readonly [number, number];

/** Least and greatest means of lesions in the order of {@link MODALITIES}; fits the masks of `ms` in t1 to flair. */
export const LESIONS: Readonly<Record<"ms" | "stroke", readonly Span[]>> = {
  ms: [[0.5, 0.95], [0.52, 0.96], [1.35, 2.3], [1.25, 1.6], [1.15, 1.4], [1.05, 1.35], [1.15, 1.9], [0.85, 0.97]],
  stroke: [[0.72, 0.95], [0.74, 1], [1.2, 1.8], [1.1, 1.7], [1.15, 1.4], [1.7, 2.9], [0.42, 0.72], [0.88, 1]],
};
