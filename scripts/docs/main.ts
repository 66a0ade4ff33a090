/** Writes the documents and other files that are made from the code: `deno task docs`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./files.ts";
import { WRITTEN } from "./written.ts";

for (const { path, text } of WRITTEN) {
  const file = join(ROOT, path);
  const current = readFileSync(file, "utf8");
  const wanted = text(current);
  if (wanted === current) continue;
  writeFileSync(file, wanted);
  console.log(`Wrote ${path}`);
}
