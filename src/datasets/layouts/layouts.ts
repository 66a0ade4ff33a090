/**
 * Data sets as people keep them in folders and archives, told by their file names alone: nnU-Net v2 raw, BraTS, Sulcus.
 * Reads no images.
 */
import { planBrats } from "./brats.ts";
import { planNnunet } from "./nnunet.ts";
import { type DatasetPlan, invalidDataset, type LayoutPlan, type PlannedCase } from "./plan.ts";
import { planSulcus } from "./sulcus.ts";

/**
 * Recognises the layout and finds the cases.
 * @param readText reads a small text file of the data set
 * @throws {DomainError} `invalid-dataset`; messages hold no file names
 */
export async function planDataset(
  allPaths: readonly string[],
  readText: (path: string) => Promise<string>,
): Promise<DatasetPlan> {
  const paths = allPaths.filter((p) => p.split("/").every((part) => !part.startsWith(".") && part !== "__MACOSX"));
  const plan = await recognise(paths, readText);
  if (plan.cases.length === 0) throw invalidDataset("it has no cases");
  const used = plan.cases.reduce((n, c) => n + c.files.size, plan.layout === "brats" ? 0 : 1);
  return { ...plan, ignoredFiles: paths.length - used };
}

async function recognise(paths: readonly string[], readText: (path: string) => Promise<string>): Promise<LayoutPlan> {
  const found = paths.filter((p) => p === "dataset.json" || p.endsWith("/dataset.json"));
  if (found.length > 1) throw invalidDataset("it holds more than one dataset.json");
  if (found.length === 0) return planBrats(paths);
  const description = parseDescription(await readText(found[0]));
  const root = found[0].slice(0, -"dataset.json".length);
  const inside = paths.filter((p) => p.startsWith(root)).map((p) => p.slice(root.length));
  const plan = Array.isArray(description.modalities) ? planSulcus : planNnunet;
  const { cases, ...rest } = plan({ paths: inside, description });
  const withRoot = (c: PlannedCase) => ({ ...c, files: new Map([...c.files].map(([role, p]) => [role, root + p])) });
  return { ...rest, cases: cases.map(withRoot) };
}

function parseDescription(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidDataset("dataset.json is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidDataset("dataset.json is no JSON object");
  }
  return value as Record<string, unknown>;
}
