/** The files from which the bill of materials is made. */
import { readFileSync } from "node:fs";
import { WHEELS } from "../install/wheels.ts";
import { type Parts, sbom } from "./sbom.ts";

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");

export function readParts(): Parts {
  const [, version] = /^ARG DENO_VERSION=(\S+)$/m.exec(read("Dockerfile")) ?? [];
  const [, sha256] = /^ARG DENO_SHA256=([0-9a-f]{64})$/m.exec(read("Dockerfile")) ?? [];
  if (version === undefined || sha256 === undefined) {
    throw new SyntaxError(
      "Cannot write the bill of materials: expected DENO_VERSION and DENO_SHA256 in the Dockerfile",
    );
  }
  const { name, version: own, imports } = JSON.parse(read("deno.json"));
  return {
    project: { name, version: own },
    imports: Object.values(imports),
    lock: JSON.parse(read("deno.lock")),
    deno: { version, sha256 },
    wheels: WHEELS,
  };
}

/** The text of `sbom.cdx.json`. */
export function sbomText(): string {
  return JSON.stringify(sbom(readParts()), null, 2) + "\n";
}
