/**
 * The channels of a case brought together: normalised, resampled to the network's grid and cropped, in the order that its
 * pre-processing states. Reads no files.
 */
import {
  type Box,
  boxSize,
  crop,
  cutWindow,
  dilated,
  type Field,
  type Foreground,
  type Grid,
  type GridImage,
  grown,
  latticeBox,
  latticeGrid,
  latticeOf,
  MAX_VOXELS,
  perAxis,
  sameGrid,
  sampleOnto,
  type Triple,
  union,
  voxelsOf,
} from "../../volume/mod.ts";
import { normalisationOf, type Preprocessing, type Step, STEPS } from "../preprocessing.ts";
import { InferenceError } from "../types.ts";
import { boxOf, filledMask, FOREGROUND_RULES, type ForegroundRule } from "./foregrounds.ts";
import { normalise } from "./normalise.ts";
import { resampled, type SeparateAxis, separateAxisOf } from "./resample.ts";

/** A volume on its file's grid. Its voxels change. */
export interface RawVolume {
  readonly name: string;
  /** Its place among the network's channels. */
  readonly channel: number;
  readonly image: GridImage;
  readonly foreground: Foreground;
}

/** A case on the network's grid. */
export interface Assembled {
  readonly channels: ReadonlyMap<string, Float32Array>;
  readonly grid: Grid;
  /** The whole field of view at the network's voxel size, and the part of it that `grid` is. */
  readonly uncropped: Grid;
  readonly box: Box;
  /** 1 where something may be labelled [X, Y, Z]. */
  readonly inside: Uint8Array;
  /** The axis whose slices stay apart on the way back, too; null: none. */
  readonly slices: SeparateAxis;
}

/** A volume, its tissue apart: cuts of the volume leave the tissue where it is. */
interface Waiting extends RawVolume {
  readonly tissue: Grid & { readonly data: Uint8Array };
}

/** A channel on a part of the lattice. */
interface Piece {
  readonly name: string;
  readonly channel: number;
  readonly data: Float32Array;
  /** Where tissue is. */
  readonly mask: Uint8Array;
  /** Where the arrays lie on the lattice. */
  readonly at: Box;
  /** All that the volume covers, and its tissue. */
  readonly field: Box;
  readonly tissue: Box;
}

/** How far from tissue a voxel may still be labelled, network voxels. */
const LABELLED_REACH: Triple = [2, 2, 2];

/** Brings volumes together, one after the other. Unless a step needs all of them at once, none is kept on its file's grid. */
export class Assembly {
  readonly #preprocessing: Preprocessing;
  readonly #rule: ForegroundRule;
  /** The steps on the files' grids and those on the network's. */
  readonly #before: readonly Step[];
  readonly #after: readonly Step[];
  readonly #needsAll: boolean;
  readonly #waiting: Waiting[] = [];
  readonly #pieces: Piece[] = [];
  /** The grid whose field of view the network sees: a part of the first one after a crop. */
  #anchor: Grid;
  readonly #whole: Grid;

  /** @param anchor the grid of the model's first modality, which decides the network's axes */
  constructor(anchor: Grid, preprocessing: Preprocessing) {
    const { order = STEPS, foreground = "tissue", foregroundMargin, normalisation = [] } = preprocessing;
    const resample = order.indexOf("resample");
    const isStep = (step: Step) => step !== "crop" || foregroundMargin !== null;
    this.#preprocessing = preprocessing;
    this.#rule = FOREGROUND_RULES[foreground];
    this.#before = order.slice(0, resample).filter(isStep);
    this.#after = order.slice(resample + 1).filter(isStep);
    const isShared = normalisation.some((entry) => "over" in entry && (entry.joint || entry.over === "mask"));
    this.#needsAll = this.#before.includes("crop") || (isShared && this.#before.includes("normalise"));
    this.#anchor = this.#whole = anchor;
  }

  add(volume: RawVolume): void {
    const { image: { sizeVox, affineRas }, foreground: { mask } } = volume;
    const waiting = { ...volume, tissue: { sizeVox, affineRas, data: mask } };
    if (this.#needsAll) {
      this.#waiting.push(waiting);
      return;
    }
    if (this.#before.includes("normalise")) this.#normalise([volume], this.#anchor);
    this.#resample(waiting, latticeOf(this.#anchor, this.#preprocessing));
  }

  /** @throws {InferenceError} `invalid-volume`: the crop keeps nothing, or the grid is too large */
  finish(): Assembled {
    this.#finishFiles();
    const { lattice, box: own } = latticeOf(this.#anchor, this.#preprocessing);
    let pieces: readonly Piece[] = this.#pieces;
    let box = pieces.map(({ field }) => field).reduce(union);
    for (const step of this.#after) {
      if (step === "normalise") {
        pieces = pieces.map((piece) => ({ ...piece, data: within(piece.data, piece.at, box), at: box }));
        const grid = latticeGrid(lattice, box);
        this.#normalise(pieces.map((piece) => ({ ...piece, image: { ...grid, data: piece.data } })), grid);
      } else box = this.#cropOf(pieces, box);
    }
    const grid = latticeGrid(lattice, checked(box, "the images together"));
    const isCut = this.#anchor !== this.#whole;
    const whole = isCut ? latticeBox(lattice, this.#whole, { start: [0, 0, 0], end: this.#whole.sizeVox }) : own;
    const { separateAxis } = this.#preprocessing;
    return {
      channels: new Map(pieces.map(({ name, data, at }) => [name, within(data, at, box)])),
      grid,
      uncropped: latticeGrid(lattice, whole),
      box: placeIn(whole, box),
      inside: this.#rule.keeps === null
        ? dilated(together(pieces.map(({ mask, at }) => within(mask, at, box))), grid.sizeVox, LABELLED_REACH)
        : new Uint8Array(voxelsOf(grid.sizeVox)).fill(1),
      slices: separateAxis?.interpolation === "nearest" ? separateAxisOf(this.#anchor, this.#preprocessing) : null,
    };
  }

  /** The steps on the files' grids that need all volumes. */
  #finishFiles(): void {
    if (!this.#needsAll) return;
    for (const step of this.#before) {
      if (step === "normalise") this.#normalise(this.#waiting, this.#anchor);
      else this.#cropFiles();
    }
    const field = latticeOf(this.#anchor, this.#preprocessing);
    for (const volume of this.#waiting.splice(0)) this.#resample(volume, field);
  }

  #cropFiles(): void {
    const { keeps } = this.#rule, { affineRas } = this.#anchor;
    const boxes = this.#waiting.flatMap(({ image, tissue, foreground }) => {
      const own = keeps === null ? foreground.box : boxOf(image.data, image.sizeVox, keeps);
      return own === null ? [] : [latticeBox(affineRas, keeps === null ? tissue : image, own)];
    });
    this.#anchor = latticeGrid(affineRas, grown(this.#some(boxes), this.#preprocessing.foregroundMargin!));
    for (const [i, { image, ...volume }] of this.#waiting.entries()) {
      const box = latticeBox(image.affineRas, this.#anchor, { start: [0, 0, 0], end: this.#anchor.sizeVox });
      this.#waiting[i] = { ...volume, image: crop(image, box) };
    }
  }

  /** The box of the foreground of any channel among those in a box, with its margin. */
  #cropOf(pieces: readonly Piece[], box: Box): Box {
    const { keeps } = this.#rule;
    const boxes = pieces.flatMap(({ data, at, tissue }) => {
      if (keeps === null) return [tissue];
      const found = boxOf(within(data, at, box), boxSize(box), keeps);
      return found === null ? [] : [moved(found, box.start)];
    });
    return grown(this.#some(boxes), this.#preprocessing.foregroundMargin!);
  }

  /** @throws {InferenceError} `invalid-volume`: there are none */
  #some(boxes: readonly Box[]): Box {
    if (boxes.length > 0) return boxes.reduce(union);
    throw new InferenceError(
      "invalid-volume",
      `Cannot crop the images: expected ${this.#rule.expected} in one of them, got none. Check that the files are the ` +
        "ones that you meant, and that their intensities are those that the model expects",
    );
  }

  #normalise(volumes: readonly { channel: number; image: GridImage; foreground?: Foreground }[], anchor: Grid): void {
    const entryOf = (i: number) => normalisationOf(this.#preprocessing, volumes[i].channel);
    const isMasked = volumes.some((_, i) => {
      const entry = entryOf(i);
      return "over" in entry && entry.over === "mask";
    });
    const masks = isMasked ? masksOf(volumes.map(({ image }) => image), anchor) : [];
    normalise(volumes.map((volume, i) => ({ ...volume, mask: masks[i] })), entryOf);
  }

  #resample({ name, channel, image, foreground, tissue: mask }: Waiting, { lattice, box }: Field): void {
    const entry = normalisationOf(this.#preprocessing, channel);
    const isOwnField = this.#rule.keeps === null && this.#anchor === this.#whole && !sameGrid(image, this.#anchor);
    const field = isOwnField ? latticeBox(lattice, image, { start: [0, 0, 0], end: image.sizeVox }) : box;
    const tissue = latticeBox(lattice, mask, foreground.box!);
    // Of a volume whose background is 0 only tissue is brought there; interpolation reaches one lattice point beyond it.
    const isTissueOnly = this.#rule.keeps === null && "over" in entry && entry.over === "foreground";
    const at = checked(isTissueOnly ? grown(tissue, 1) : field, name);
    const target = latticeGrid(lattice, at), preprocessing = this.#preprocessing;
    this.#pieces.push({
      name,
      channel,
      data: resampled(image, target, { preprocessing, separate: separateAxisOf(this.#anchor, preprocessing) }),
      mask: this.#rule.keeps === null ? sampleOnto(mask, target, { interpolation: "nearest" }) : new Uint8Array(),
      at,
      field,
      tissue,
    });
  }
}

/** The mask of all volumes together, on the grid of each. */
function masksOf(images: readonly GridImage[], anchor: Grid): Uint8Array[] {
  const onto = <T extends Float32Array | Uint8Array>(image: Grid & { data: T }, grid: Grid) =>
    sameGrid(image, grid) ? image.data : sampleOnto(image, grid, { interpolation: "nearest" });
  const mask = filledMask(images.map((image) => onto(image, anchor)), anchor.sizeVox);
  return images.map((image) => onto({ ...anchor, data: mask }, image));
}

function checked(box: Box, name: string): Box {
  const size = boxSize(box);
  if (voxelsOf(size) <= MAX_VOXELS) return box;
  throw new InferenceError(
    "invalid-volume",
    `${name}: the network's grid would have ${
      size.join("×")
    } voxels, expected at most ${MAX_VOXELS}. Check the voxel size`,
  );
}

function moved({ start, end }: Box, by: Triple): Box {
  return { start: perAxis((a) => start[a] + by[a]), end: perAxis((a) => end[a] + by[a]) };
}

/** A box by its place in another one. */
function placeIn({ start }: Box, box: Box): Box {
  return moved(box, perAxis((a) => -start[a]));
}

/** The part of an array that lies at `at` inside a box; 0 around it. */
function within<T extends Float32Array | Uint8Array>(data: T, at: Box, box: Box): T {
  return cutWindow(data, boxSize(at), { start: placeIn(at, box).start, size: boxSize(box) });
}

function together(masks: readonly Uint8Array[]): Uint8Array {
  const out = masks[0].slice();
  for (const mask of masks.slice(1)) for (let v = 0; v < out.length; v++) out[v] |= mask[v];
  return out;
}
