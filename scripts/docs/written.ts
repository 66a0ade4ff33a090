/** The files that `deno task docs` writes, wholly or in regions: one record each. */
import { houseTable } from "../checks/house.ts";
import { metricsTable } from "./parts/metrics_table.ts";
import { opsDoc } from "./parts/ops_doc.ts";
import { pageTypes } from "./parts/page_types.ts";
import { finetuningTable, presetsTable, pretrainingTable } from "./parts/recipe_tables.ts";
import { datasetWarnings, resultWarnings } from "./parts/warning_tables.ts";
import { sbomText } from "../sbom/parts.ts";
import { replaceRegion } from "./region.ts";

export interface Written {
  readonly path: string;
  /** The file as it should be, from the present one. */
  readonly text: (current: string) => string;
}

export const WRITTEN: readonly Written[] = [
  { path: "sbom.cdx.json", text: sbomText },
  { path: "docs/operations.md", text: (current) => replaceRegion(current, "metrics", metricsTable()) },
  { path: "docs/operators.md", text: opsDoc },
  { path: "src/server/web/page/api.d.ts", text: pageTypes },
  { path: "ARCHITECTURE.md", text: (current) => replaceRegion(current, "rooms", houseTable()) },
  { path: "README.md", text: (current) => replaceRegion(current, "recipe table: presets", presetsTable()) },
  {
    path: "docs/inputs.md",
    text: (current) =>
      replaceRegion(
        replaceRegion(current, "result warnings", resultWarnings()),
        "data set warnings",
        datasetWarnings(),
      ),
  },
  {
    path: "docs/method/README.md",
    text: (current) =>
      replaceRegion(
        replaceRegion(current, "recipe table: pretraining", pretrainingTable()),
        "recipe table: finetuning",
        finetuningTable(),
      ),
  },
];
