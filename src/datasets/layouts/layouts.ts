/** The layouts that data sets are recognised in, and the plan of a data set in any of them. Reads no images. */
import { invalidDataset } from "../spec.ts";
import { brats } from "./brats.ts";
import { decathlon } from "./decathlon.ts";
import { DESCRIPTION, descriptionOf, isDescription } from "./description.ts";
import { inventory } from "./inventory.ts";
import { type FoundFiles, type Layout, type LayoutCase, type Plan, type PlannedCase } from "./layout.ts";
import { ChannelMap } from "./channels.ts";
import { nnunet } from "./nnunet.ts";
import { tidyPaths } from "./paths.ts";
import { type GivenPatients, patientsOf } from "../patients/patients.ts";
import { isPatientTable, PATIENT_TABLES } from "../patients/table.ts";
import { sulcus } from "./sulcus.ts";
import type { LeftOut } from "../../train/mod.ts";
import type { Skip } from "../types.ts";

const TABLE = { nnunet, decathlon, brats, sulcus } as const satisfies Readonly<Record<string, Layout>>;
export type DatasetLayout = keyof typeof TABLE;

/** Every layout by name, in the order in which they are tried. */
export const LAYOUTS: Readonly<Record<DatasetLayout, Layout>> = TABLE;
export const DATASET_LAYOUTS = Object.keys(LAYOUTS) as readonly DatasetLayout[];

/** The layouts in words: "nnU-Net v2, BraTS or Sulcus". */
export const LAYOUT_TITLES = Object.values(LAYOUTS).map(({ title }) => title).join(", ").replace(
  /, ([^,]*)$/,
  " or $1",
);

export interface DatasetPlan extends Plan<PlannedCase> {
  readonly layout: DatasetLayout;
  /** Files that no rule of the layout explains. */
  readonly ignored: readonly string[];
  /** Cases that `skip` leaves out, as far as names tell. */
  readonly leftOut: readonly LeftOut[];
  readonly notes: readonly string[];
}

/** The user's words about a data set, which go before what its files say. */
export interface PlanOptions {
  readonly channels?: ChannelMap;
  /** They are said of several data sets, so that one need not have each. */
  readonly areChannelsShared?: true;
  readonly patients?: GivenPatients;
  /** Cases to leave out; without it a case that cannot be used refuses the data set. */
  readonly skip?: Skip;
}

/**
 * Recognises the layout and finds the cases.
 * @param readText reads a small text file of the data set
 * @throws {DomainError} `invalid-dataset`; messages hold no file names
 */
export async function planDataset(
  allPaths: readonly string[],
  readText: (path: string) => Promise<string>,
  options: PlanOptions = {},
): Promise<DatasetPlan> {
  const sources = tidyPaths(allPaths);
  const paths = [...sources.keys()];
  const described = paths.filter(isDescription);
  if (described.length > 1) {
    throw invalidDataset(`it holds more than one ${DESCRIPTION}: ${described.length}; give the folder of one data set`);
  }
  const root = described.length === 0 ? "" : described[0].slice(0, -DESCRIPTION.length);
  const read = async (path: string) => await readText(sources.get(path)!);
  const found: FoundFiles = {
    paths: paths.filter((p) => p.startsWith(root)).map((p) => p.slice(root.length)),
    channels: options.channels ?? new ChannelMap(),
    ...described.length > 0 ? descriptionOf(await read(described[0])) : { keysOf: () => [] },
  };
  const layout = DATASET_LAYOUTS.find((name) => LAYOUTS[name].recognises(found));
  if (layout === undefined) throw unknownLayout(found);
  const { cases, ...plan } = LAYOUTS[layout].plan(found);
  if (options.areChannelsShared !== true) found.channels.checkUsed();
  if (cases.length === 0) throw noCases(LAYOUTS[layout], found);
  const { taken, leftOut } = divide(cases, options);

  const table = options.patients === undefined ? await tableIn(found, (path) => read(root + path)) : undefined;
  const { cases: named, notes } = patientsOf(taken, options.patients ?? table?.given);
  const withSources = ({ className, ...c }: PlannedCase): PlannedCase => ({
    ...c,
    ...(className !== undefined && plan.classes.length > 0 && { className }),
    files: new Map([...c.files].map(([role, path]) => [role, sources.get(root + path)!])),
  });
  const used = new Set([
    ...described,
    ...table === undefined ? [] : [root + table.path],
    ...cases.flatMap(({ files }) => [...files.values()].map((path) => root + path)),
  ]);
  return {
    ...plan,
    layout,
    cases: named.map(withSources),
    ignored: paths.filter((path) => !used.has(path)).sort(),
    leftOut,
    notes: [...plan.notes ?? [], ...notes],
  };
}

/** @throws {DomainError} `invalid-dataset` a case cannot be used and is not to be left out, or is to be and is not there */
function divide(
  cases: readonly LayoutCase[],
  { skip = [] }: PlanOptions,
): { taken: readonly LayoutCase[]; leftOut: readonly LeftOut[] } {
  const named = new Set(skip === "errors" ? [] : skip.map((name) => name.normalize("NFC")));
  const missing = [...named].filter((name) => !cases.some(({ id }) => id === name)).length;
  if (missing > 0) throw invalidDataset(`${missing} of the cases to leave out are not in it`);
  const leftOut: LeftOut[] = [];
  const taken = cases.filter(({ id, fault }) => {
    if (named.has(id)) leftOut.push({ case: id, reason: "the request leaves it out" });
    else if (fault !== undefined && skip === "errors") leftOut.push({ case: id, reason: fault });
    else if (fault !== undefined) throw invalidDataset(fault);
    else return true;
    return false;
  });
  return { taken, leftOut };
}

/** The table of patients at the top of a data set. */
async function tableIn(
  { paths }: FoundFiles,
  read: (path: string) => Promise<string>,
): Promise<{ path: string; given: GivenPatients } | undefined> {
  for (const name of PATIENT_TABLES) {
    const path = paths.find((p) => p.toLowerCase() === name);
    const table = path === undefined ? "" : await read(path);
    if (path !== undefined && isPatientTable(table)) return { path, given: { table, isFound: true } };
  }
}

function noCases({ title, files }: Layout, { paths }: FoundFiles) {
  return invalidDataset(`it has no cases: ${title} layout is ${files}; found ${inventory(paths)}`);
}

function unknownLayout({ description, paths }: FoundFiles) {
  const known = Object.values(LAYOUTS).map(({ title, files }) => `${title} (${files})`).join("; ");
  const why = description ? `its ${DESCRIPTION} is of none of the known layouts` : "it has no cases";
  const dicom = paths.some((p) => p.toLowerCase().endsWith(".dcm"))
    ? ". Convert DICOM first, such as with dcm2niix"
    : "";
  return invalidDataset(`${why}; expected one of ${known}; found ${inventory(paths)}${dicom}`);
}
