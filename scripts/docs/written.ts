/** The documents that programs write, wholly or in regions: one record each. */
import { houseTable } from "../checks/house.ts";
import { opsDoc } from "./ops_doc.ts";
import { finetuningTable, presetsTable, pretrainingTable } from "./recipe_tables.ts";
import { replaceRegion } from "./region.ts";

export interface Written {
  readonly path: string;
  /** The document as it should be, from the one that lies there. */
  readonly text: (current: string) => string;
}

export const WRITTEN: readonly Written[] = [
  { path: "docs/operators.md", text: opsDoc },
  { path: "ARCHITECTURE.md", text: (current) => replaceRegion(current, "rooms", houseTable()) },
  { path: "README.md", text: (current) => replaceRegion(current, "recipe table: presets", presetsTable()) },
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
