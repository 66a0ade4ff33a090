/**
 * Where the voxels of a NIfTI file lie, by the standard's methods 1–3 (nifti1.h), and where the fields that say so
 * contradict each other. Fields that are no numbers, zero or flat are replaced as nibabel and ITK replace them.
 */
import type { NIFTI1, NIFTI2 } from "nifti-reader-js";
import {
  cornerDistanceMm,
  type Grid,
  perAxis,
  skewness,
  spacingAffine,
  spacingOf,
  type Triple,
  VolumeError,
} from "../grid/grid.ts";
import type { Doubt, VolumeHeader } from "./format.ts";

type Fields = NIFTI1 | NIFTI2;
type Place = Pick<VolumeHeader, "affineRas" | "positioned" | "doubts">;

/** Sform and qform of one place differ by no more, mm at the corners: rounding of quaternions, and of text. */
const SAME_FORM_MM = 0.1;

/** Voxel sizes of two fields differ by no more than this share. */
const SAME_SPACING = 0.01;

/** A quaternion's a² that is rounding of float32, as in nibabel. */
const LEAST_SQUARE = 3 * 2 ** -23;

/** Axes further from a right angle are sheared: 1°. */
const RIGHT_ANGLE = Math.sin(Math.PI / 180);

/** Voxel sizes of brain scans, mm. */
const PLAUSIBLE_MM = { least: 0.05, most: 20 } as const;

/** Units by the three lowest bits of `xyzt_units`; the others mean millimetres or nothing. */
const UNITS: Readonly<Record<number, { readonly name: string; readonly mm: number }>> = {
  1: { name: "metres", mm: 1000 },
  3: { name: "micrometres", mm: 0.001 },
};

/**
 * Method 3 (sform) where its code is positive and it is an affine, else 2 (qform), else 1 (pixdim alone).
 * @param srow the twelve numbers of the sform
 * @throws {VolumeError} no form is an affine
 */
export function placeOf(fields: Fields, srow: readonly number[], sizeVox: Triple): Place {
  const doubts: Doubt[] = [];
  const { sform_code, qform_code } = fields;
  const sform = sform_code > 0 ? [...srow, 0, 0, 0, 1] : null;
  const qform = qform_code > 0 ? qformOf(fields) : null;
  const [wrongS, wrongQ] = [sform && faultOf(sform), qform && faultOf(qform.affineRas)];
  const asUsed = (other: string) => `sform_code is ${sform_code}, but the sform is ${wrongS}; ${other}`;

  let chosen: { readonly affineRas: readonly number[]; readonly doubts: readonly Doubt[] };
  if (sform && !wrongS) chosen = { affineRas: sform, doubts: [] };
  else if (qform && !wrongQ) {
    chosen = qform;
    if (sform) doubts.push({ code: "sform-unusable", detail: asUsed("the qform is used") });
  } else if (qform) throw noAffine("qform", wrongQ!);
  else if (sform && wrongS !== ZERO) throw noAffine("sform", wrongS!);
  else {
    chosen = pixdimOf(fields);
    if (sform) doubts.push({ code: "sform-unusable", detail: asUsed("the file has no position") });
  }
  doubts.push(...chosen.doubts);
  const units = unitsOf(fields.xyzt_units, spacingOf(chosen.affineRas), sizeVox);
  doubts.push(...units.doubts);
  const inMm = (affine: readonly number[]) => affine.map((v, i) => i < 12 ? v * units.mm : v);
  const affineRas = inMm(chosen.affineRas);
  const fault = faultOf(affineRas);
  if (fault) throw noAffine("millimetre", fault);
  if (sform && !wrongS) {
    doubts.push(
      ...qform && !wrongQ
        ? differing({ sizeVox, affineRas }, { sizeVox, affineRas: inMm(qform.affineRas) }, { sform_code, qform_code })
        : otherSpacing(spacingOf(affineRas), perAxis((a) => fields.pixDims[a + 1] * units.mm)),
    );
  }
  return {
    affineRas,
    positioned: qform !== null || sform !== null && !wrongS,
    doubts: [...doubts, ...shear(affineRas)],
  };
}

const ZERO = "all zero";
const FLAT = "flat";

/** The reason why numbers are no affine; null: they are one. */
function faultOf(affine: readonly number[]): string | null {
  if (affine.slice(0, 12).every((v) => v === 0)) return ZERO;
  if (!affine.every(Number.isFinite)) return "NaN or infinity";
  return Math.abs(skewness(affine)) > 1e-6 ? null : FLAT;
}

function noAffine(form: string, fault: string): VolumeError {
  const expected = fault === FLAT
    ? `an invertible ${form} affine, got a flat one`
    : `a finite ${form} affine, got ${fault}`;
  return new VolumeError(`Cannot read a NIfTI header: expected ${expected}`);
}

/** Method 1: the file says neither position nor orientation; its axes are taken as right, anterior, superior. */
function pixdimOf(fields: Fields): { affineRas: number[]; doubts: Doubt[] } {
  const { spacing, doubts } = repairedPixdim(fields);
  return { affineRas: spacingAffine(spacing), doubts };
}

/** Sizes of voxels as nibabel and ITK repair them: 1 for what is no size, and no signs. */
function repairedPixdim({ pixDims }: Fields): { spacing: Triple; doubts: Doubt[] } {
  const stated = perAxis((a) => pixDims[a + 1]);
  const spacing = perAxis((a) => Number.isFinite(stated[a]) && Math.abs(stated[a]) || 1);
  if (spacing.every((s, a) => s === stated[a])) return { spacing, doubts: [] };
  const detail = `pixdim gives voxels of ${times(stated)}; they are read as ${times(spacing)}`;
  return { spacing, doubts: [{ code: "pixdim-doubtful", detail }] };
}

/** Method 2: rotation from (a, b, c, d), a ≥ 0 implied; qfac flips the third axis. */
function qformOf(fields: Fields): { affineRas: number[]; doubts: Doubt[] } {
  const { spacing, doubts } = repairedPixdim(fields);
  let [b, c, d] = [fields.quatern_b, fields.quatern_c, fields.quatern_d];
  const square = b * b + c * c + d * d;
  let a = Math.sqrt(1 - square);
  if (!(1 - square > LEAST_SQUARE)) {
    // 180° turns: rounding leaves the vector slightly too short or too long.
    a = 0;
    [b, c, d] = [b, c, d].map((v) => v / Math.sqrt(square));
  }
  if (square > 1 + 1e-5) {
    const detail = `the qform's quaternion is ${short(Math.sqrt(square))} long, at most 1 is possible; it is shortened`;
    doubts.push({ code: "quaternion-doubtful", detail });
  }
  const rotation = [
    [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
    [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
    [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
  ];
  const stated = fields.pixDims[0];
  const qfac = stated < 0 ? -1 : 1;
  if (![-1, 0, 1].includes(stated)) {
    const detail = `qfac (pixdim[0]) is ${short(stated)}, expected 1 or −1; it is read as ${qfac}`;
    doubts.push({ code: "qfac-doubtful", detail });
  }
  const step = [spacing[0], spacing[1], spacing[2] * qfac];
  const origin = [fields.qoffset_x, fields.qoffset_y, fields.qoffset_z];
  return {
    affineRas: [...rotation.flatMap((row, r) => [...row.map((v, k) => v * step[k]), origin[r]]), 0, 0, 0, 1],
    doubts,
  };
}

/** Millimetres of the file's unit; a unit with which the voxels are no brain scan's is not believed. */
function unitsOf(xyztUnits: number, spacing: Triple, sizeVox: Triple): { mm: number; doubts: Doubt[] } {
  const { name, mm } = UNITS[xyztUnits & 7] ?? { name: "millimetres", mm: 1 };
  const isPlausible = (unit: number) =>
    spacing.every((s, a) => sizeVox[a] === 1 || s * unit >= PLAUSIBLE_MM.least && s * unit <= PLAUSIBLE_MM.most);
  if (isPlausible(mm)) return { mm, doubts: [] };
  const read = isPlausible(1) ? 1 : mm;
  const detail = `xyzt_units says ${name}, which makes voxels of ${times(spacing.map((s) => s * mm))} mm, ` +
    `expected ${PLAUSIBLE_MM.least} to ${PLAUSIBLE_MM.most}; they are read as ` +
    `${times(spacing.map((s) => s * read))} mm`;
  return { mm: read, doubts: [{ code: "units-doubtful", detail }] };
}

function differing(sform: Grid, qform: Grid, codes: { sform_code: number; qform_code: number }): Doubt[] {
  const apart = cornerDistanceMm(sform, qform);
  if (apart <= SAME_FORM_MM) return [];
  const mirrored = skewness(sform.affineRas) * skewness(qform.affineRas) < 0;
  const detail = `the sform (code ${codes.sform_code}) and the qform (code ${codes.qform_code}) place the corners up ` +
    `to ${short(apart)} mm apart${mirrored ? " and are mirror images of each other" : ""}; the sform is used`;
  return [{ code: "forms-differ", detail }];
}

/** ITK takes voxel sizes from pixdim, nibabel from the sform. */
function otherSpacing(sform: Triple, pixdim: Triple): Doubt[] {
  if (!pixdim.every((s) => s > 0 && Number.isFinite(s))) return [];
  if (sform.every((s, a) => Math.abs(s - pixdim[a]) <= SAME_SPACING * s)) return [];
  const detail = `the sform has voxels of ${times(sform)} mm, pixdim of ${times(pixdim)} mm; the sform is used`;
  return [{ code: "pixdim-differs", detail }];
}

function shear(affine: readonly number[]): Doubt[] {
  const spacing = spacingOf(affine);
  const cosine = ([a, b]: readonly [number, number]) =>
    Math.abs(affine[a] * affine[b] + affine[4 + a] * affine[4 + b] + affine[8 + a] * affine[8 + b]) /
    (spacing[a] * spacing[b]);
  const worst = Math.max(...([[0, 1], [0, 2], [1, 2]] as const).map(cosine));
  if (worst <= RIGHT_ANGLE) return [];
  const degrees = short(Math.asin(Math.min(worst, 1)) * 180 / Math.PI);
  const detail = `the file's axes are up to ${degrees}° off right angles, as after a tilted gantry`;
  return [{ code: "sheared", detail }];
}

function times(sizes: readonly number[]): string {
  return sizes.map(short).join("×");
}

function short(value: number): string {
  return String(+value.toPrecision(4));
}
