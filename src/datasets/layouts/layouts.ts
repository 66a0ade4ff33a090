/** The layouts that data sets are recognised in, and the plan of a data set in any of them. Reads no images. */
import { brats } from "./brats.ts";
import { type FoundFiles, invalidDataset, type Layout, type Plan, type PlannedCase } from "./layout.ts";
import { nnunet } from "./nnunet.ts";
import { sulcus } from "./sulcus.ts";

const TABLE = { nnunet, brats, sulcus } as const satisfies Readonly<Record<string, Layout>>;
export type DatasetLayout = keyof typeof TABLE;

/** Every layout by name, in the order in which they are tried. */
export const LAYOUTS: Readonly<Record<DatasetLayout, Layout>> = TABLE;
export const DATASET_LAYOUTS = Object.keys(LAYOUTS) as readonly DatasetLayout[];

/** The layouts in words: "nnU-Net v2, BraTS or Sulcus". */
export const LAYOUT_TITLES = Object.values(LAYOUTS).map(({ title }) => title).join(", ").replace(
  /, ([^,]*)$/,
  " or $1",
);

export interface DatasetPlan extends Plan {
  readonly layout: DatasetLayout;
  /** Number of files that no rule of the layout explains. */
  readonly ignoredFiles: number;
}

/** Leaves out files that systems hide or add, such as `.DS_Store` and `__MACOSX/`. */
export function visiblePaths(paths: readonly string[]): string[] {
  return paths.filter((p) => p.split("/").every((part) => !part.startsWith(".") && part !== "__MACOSX"));
}

/**
 * Recognises the layout and finds the cases.
 * @param readText reads a small text file of the data set
 * @throws {DomainError} `invalid-dataset`; messages hold no file names
 */
export async function planDataset(
  allPaths: readonly string[],
  readText: (path: string) => Promise<string>,
): Promise<DatasetPlan> {
  const paths = visiblePaths(allPaths);
  const described = paths.filter(isDescription);
  if (described.length > 1) throw invalidDataset(`it holds more than one ${DESCRIPTION}`);
  const root = described.length === 0 ? "" : described[0].slice(0, -DESCRIPTION.length);
  const found: FoundFiles = {
    paths: paths.filter((p) => p.startsWith(root)).map((p) => p.slice(root.length)),
    ...(described.length > 0 && { description: parseDescription(await readText(described[0])) }),
  };
  const layout = DATASET_LAYOUTS.find((name) => LAYOUTS[name].recognises(found));
  if (layout === undefined) throw unknownLayout(found);
  const { cases, ...plan } = LAYOUTS[layout].plan(found);
  const { title, files } = LAYOUTS[layout];
  if (cases.length === 0) throw invalidDataset(`it has no cases: ${title} layout is ${files}`);
  const used = cases.reduce((n, c) => n + c.files.size, described.length);
  const withRoot = (c: PlannedCase) => ({ ...c, files: new Map([...c.files].map(([role, p]) => [role, root + p])) });
  return { ...plan, layout, cases: cases.map(withRoot), ignoredFiles: paths.length - used };
}

const DESCRIPTION = "dataset.json";

/** True for the description of a data set, at whatever depth. */
export function isDescription(path: string): boolean {
  return path.split("/").at(-1) === DESCRIPTION;
}

function unknownLayout({ description }: FoundFiles) {
  const known = Object.values(LAYOUTS).map(({ title, files }) => `${title} (${files})`).join("; ");
  const why = description ? `its ${DESCRIPTION} is of none of the known layouts` : "it has no cases";
  return invalidDataset(`${why}; expected one of ${known}`);
}

function parseDescription(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidDataset(`${DESCRIPTION} is no JSON`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidDataset(`${DESCRIPTION} is no JSON object`);
  }
  return value as Record<string, unknown>;
}
