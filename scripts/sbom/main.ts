/** Prints the bill of materials: `deno task sbom`. `deno task docs` writes it to sbom.cdx.json. */
import { sbomText } from "./parts.ts";

console.log(sbomText());
