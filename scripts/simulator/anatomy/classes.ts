/**
 * The tissue classes that a head is made of: which numbers of a label map they hold and what they count as. The numbers
 * are FreeSurfer's; those from 502 on are the classes outside the brain of the label maps of Billot et al. (SynthSeg).
 */

/** What a class counts as where lesions, skull stripping and random contrasts ask. */
export type TissueKind = "air" | "white" | "grey" | "deep" | "fluid" | "vessel" | "head";

export interface TissueClass {
  readonly name: string;
  readonly kind: TissueKind;
  /** Numbers in the label map; none: the class is made from others. */
  readonly numbers: readonly number[];
  /** The structure that it belongs to in the ground truth. */
  readonly structure?: Structure;
}

/** The structures of the ground truth; a structure's value in a mask is its place here, from 1. */
export const STRUCTURES = [
  "white-matter",
  "cortex",
  "ventricles",
  "cerebellum",
  "brain-stem",
  "thalamus",
  "caudate",
  "putamen",
  "pallidum",
  "hippocampus",
  "amygdala",
] as const;
export type Structure = typeof STRUCTURES[number];

export const CLASSES = [
  { name: "air", kind: "air", numbers: [0] },
  { name: "white matter", kind: "white", numbers: [2, 41, 25, 57], structure: "white-matter" },
  { name: "cortex", kind: "grey", numbers: [3, 42], structure: "cortex" },
  { name: "ventricle", kind: "fluid", numbers: [4, 43, 5, 44, 14, 15, 72], structure: "ventricles" },
  { name: "choroid plexus", kind: "fluid", numbers: [136, 163, 137, 164], structure: "ventricles" },
  { name: "outer fluid", kind: "fluid", numbers: [24] },
  { name: "cerebellar white matter", kind: "white", numbers: [7, 46], structure: "cerebellum" },
  { name: "cerebellar cortex", kind: "grey", numbers: [8, 47], structure: "cerebellum" },
  { name: "brain stem", kind: "white", numbers: [16], structure: "brain-stem" },
  { name: "ventral diencephalon", kind: "deep", numbers: [28, 60], structure: "brain-stem" },
  { name: "thalamus", kind: "deep", numbers: [10, 49], structure: "thalamus" },
  { name: "caudate", kind: "deep", numbers: [11, 50, 26, 58], structure: "caudate" },
  { name: "putamen", kind: "deep", numbers: [12, 51], structure: "putamen" },
  { name: "pallidum", kind: "deep", numbers: [13, 52], structure: "pallidum" },
  { name: "hippocampus", kind: "grey", numbers: [17, 53], structure: "hippocampus" },
  { name: "amygdala", kind: "grey", numbers: [18, 54], structure: "amygdala" },
  { name: "perivascular space", kind: "fluid", numbers: [30, 62] },
  { name: "optic nerve", kind: "head", numbers: [85, 508, 530] },
  { name: "artery", kind: "vessel", numbers: [502] },
  { name: "vein", kind: "vessel", numbers: [514] },
  { name: "eye", kind: "head", numbers: [506] },
  { name: "muscle", kind: "head", numbers: [507] },
  { name: "mucosa", kind: "head", numbers: [509] },
  { name: "skin", kind: "head", numbers: [511] },
  { name: "spinal cord", kind: "head", numbers: [512] },
  { name: "bone", kind: "head", numbers: [515] },
  { name: "marrow", kind: "head", numbers: [516] },
  { name: "fat", kind: "head", numbers: [] },
] as const satisfies readonly TissueClass[];

export type ClassName = typeof CLASSES[number]["name"];

const PLACES = new Map<string, number>(CLASSES.map(({ name }, i) => [name, i]));

/** The place of a class in {@link CLASSES}: its value in an anatomy's voxels. */
export function classOf(name: ClassName): number {
  return PLACES.get(name)!;
}

/** For each class 1 where `holds`. */
export function classFlags(holds: (tissue: TissueClass) => boolean): Uint8Array {
  return Uint8Array.from(CLASSES, (c) => holds(c) ? 1 : 0);
}

/** For each class its value in the ground truth of structures, 0 where it belongs to none. */
export const STRUCTURE_OF = Uint16Array.from(
  CLASSES,
  (c: TissueClass) => c.structure === undefined ? 0 : STRUCTURES.indexOf(c.structure) + 1,
);

/** Class by the label map's number. */
export const CLASS_OF_NUMBER: ReadonlyMap<number, number> = new Map(
  CLASSES.flatMap(({ numbers }, i) => numbers.map((n) => [n, i] as const)),
);
