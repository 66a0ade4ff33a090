/** Where the files of a case lie: by their own headers, or, where a header says no position, beside the others. */
import { InferenceError, type NamedHeader, placedBeside, snapped, type Warning } from "../../inference/mod.ts";
import type { Grid } from "../../volume/mod.ts";
import type { Role } from "../types.ts";
import type { FileInfo } from "./inspect.ts";

export interface Places {
  /** Files that cannot be placed are left out. */
  readonly grids: ReadonlyMap<Role, Grid>;
  readonly warnings: readonly Warning[];
  readonly faults: readonly Warning[];
}

/** The grids of a case's files. */
export function placesOf(files: ReadonlyMap<Role, { readonly info: FileInfo }>, roles: readonly Role[]): Places {
  const headers = roles.map((name) => ({ name, header: headerOf(files.get(name)!.info) }));
  const images = headers.filter(({ name }) => name !== "label");
  const grids = new Map<Role, Grid>();
  const warnings: Warning[] = [], faults: Warning[] = [];
  for (const file of headers) {
    try {
      const own = placedBeside(file, images.filter((other) => other !== file), warnings);
      const [anchor = own] = grids.values();
      grids.set(file.name, file.name === "label" ? own : snapped(own, anchor));
    } catch (error) {
      if (!(error instanceof InferenceError)) throw error;
      faults.push({ code: error.code, detail: error.message });
    }
  }
  return { grids, warnings, faults };
}

function headerOf({ sizeVox, affineRas, positioned = true }: FileInfo): NamedHeader["header"] {
  return { sizeVox, affineRas, positioned };
}
