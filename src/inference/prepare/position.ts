/**
 * Where a file lies in space. A header with both codes 0 says no position and no orientation: beside files that do, it is
 * laid on the one that it shares its grid's form with, loudly, or refused.
 */
import { cornerDistanceMm, type Grid, spacingOf, type VolumeHeader } from "../../volume/mod.ts";
import { InferenceError, type Warning } from "../types.ts";

type Header = Pick<VolumeHeader, "sizeVox" | "affineRas" | "positioned">;

/** A file of a case, by the name of its modality. */
export interface NamedHeader {
  readonly name: string;
  readonly header: Header;
}

/** Voxel sizes that differ by less are one, mm. */
const SAME_SPACING_MM = 1e-2;

/**
 * The grid of a file beside the other files of its case.
 * @throws {InferenceError} `no-position`: it says no position, and has another form than those that do
 */
export function placedBeside({ name, header }: NamedHeader, others: readonly NamedHeader[], warnings: Warning[]): Grid {
  const { sizeVox, affineRas } = header;
  if (header.positioned) return { sizeVox, affineRas };
  const placed = others.filter((other) => other.header.positioned);
  const model = placed.find((other) => sameForm(other.header, header));
  if (model !== undefined) {
    warnings.push({
      code: "position-assumed",
      detail: `${name} says no position (sform_code and qform_code are 0); it has the ${formOf(header)} of ` +
        `${model.name} and was laid on it voxel by voxel. Check that left and right agree`,
    });
    return { sizeVox, affineRas: model.header.affineRas };
  }
  const odd = placed[0] ?? others.find((other) => !sameForm(other.header, header));
  if (odd !== undefined) {
    throw new InferenceError(
      "no-position",
      `Cannot place ${name}: its header says no position (sform_code and qform_code are 0), and its ${
        formOf(header)
      } ` +
        `differ from the ${
          formOf(odd.header)
        } of ${odd.name}; expected a file with a position. Convert it again from ` +
        `DICOM, or copy the header of a registered volume`,
    );
  }
  warnings.push({
    code: "no-position",
    detail:
      `${name} says no position and orientation (sform_code and qform_code are 0); its axes were taken for right, ` +
      "anterior, superior. Check left and right",
  });
  return { sizeVox, affineRas };
}

/** Grids whose corners differ by less, in voxels, lie in one place: tools round affines so, and no registration is better. */
const SAME_PLACE = 0.05;

/** The anchor for a grid that differs from it by rounding, which resampling would turn into blur; else the grid itself. */
export function snapped(grid: Grid, anchor: Grid): Grid {
  const sameSize = grid.sizeVox.every((n, i) => n === anchor.sizeVox[i]);
  const most = SAME_PLACE * Math.min(...spacingOf(anchor.affineRas));
  return sameSize && cornerDistanceMm(grid, anchor) <= most ? anchor : grid;
}

function sameForm(a: Header, b: Header): boolean {
  const [s, t] = [spacingOf(a.affineRas), spacingOf(b.affineRas)];
  return a.sizeVox.every((n, i) => n === b.sizeVox[i] && Math.abs(s[i] - t[i]) <= SAME_SPACING_MM);
}

function formOf({ sizeVox, affineRas }: Header): string {
  return `${sizeVox.join("×")} voxels of ${spacingOf(affineRas).map((s) => +s.toFixed(3)).join("×")} mm`;
}
