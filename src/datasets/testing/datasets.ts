import type { Database } from "../../storage/mod.ts";
import { Datasets, type DatasetsOptions } from "../store/datasets.ts";

/** Runs `fn` with the data sets of an empty database and folder. */
export async function withDatasets(
  database: Database,
  fn: (datasets: Datasets, dataDirectory: string) => Promise<void>,
  options: Partial<DatasetsOptions> = {},
): Promise<void> {
  await database.script("TRUNCATE sulcus.datasets CASCADE");
  const dataDirectory = await Deno.makeTempDir();
  try {
    await fn(await Datasets.open({ database, dataDirectory, ...options }), dataDirectory);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
}

/** Every file below a folder, as paths relative to it. */
export function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((e) =>
    e.isDirectory ? filesBelow(`${folder}/${e.name}`).map((f) => `${e.name}/${f}`) : [e.name]
  );
}
