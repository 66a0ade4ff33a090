/**
 * Files of weights as model packages. Writes a package's files into a folder and drafts its manifest; the registry owns
 * versions and states.
 */
import project from "../../deno.json" with { type: "json" };
import type { ModelSpec } from "../inference/mod.ts";
import { type ManifestDraft, specSchema } from "../registry/mod.ts";
import { digestFile, writeWhole } from "../storage/mod.ts";
import type { Contents } from "./formats/format.ts";
import { formatOf, readFormat } from "./formats/formats.ts";
import { importOnnx } from "./import_onnx.ts";
import type { ImportRequest } from "./request/import_request.ts";
import { FRESH_SEED, type ImportReport, type Outcome } from "./import_result.ts";
import { importTensors } from "./import_tensors.ts";

export interface Imported {
  readonly draft: ManifestDraft;
  readonly report: ImportReport;
}

/**
 * Writes `network.onnx`, templates and `report.json` for a file into the folder `out`.
 * @throws {DomainError} the archive is refused
 * @throws {SyntaxError | TypeError | RangeError} the weights are refused, with the reason
 */
export async function importWeights(path: string, request: ImportRequest, out: string): Promise<Imported> {
  const format = await formatOf(path);
  const { bytes, sha256 } = await digestFile(path);
  const { spec, report } = await importContents(await readFormat(path, format), request, out);
  const full: ImportReport = { format, source: { bytes, sha256 }, ...report };
  await writeWhole(`${out}/report.json`, JSON.stringify(full, null, 2));
  return { draft: draftOf(spec, { request, report: full }), report: full };
}

function importContents(contents: Contents, request: ImportRequest, out: string): Promise<Outcome> {
  return contents.holds === "graph" ? importOnnx(contents, request, { out }) : importTensors(contents, request, out);
}

function draftOf(
  spec: ModelSpec,
  { request, report }: { request: ImportRequest; report: ImportReport },
): ManifestDraft {
  const { format, source, missing, batchesTracked } = report;
  const fresh = missing.length > 0
    ? ` ${missing.length} of its tensors are fresh: fine-tune it before it is used.`
    : "";
  return {
    ...specSchema.parse(spec),
    name: request.name,
    provenance: {
      recipe: { importedFrom: { format, ...source }, batchesTracked },
      seed: fresh === "" ? null : FRESH_SEED,
      software: { sulcus: project.version, deno: Deno.version.deno },
      metrics: {},
      createdAt: new Date().toISOString(),
      note: `Imported from a file of weights (${format}).${fresh}`,
    },
    licence: request.licence ?? "Not stated: that of the imported weights",
    intendedUse: "Imported weights. To be validated before they are used. Research only. Not a medical device.",
  };
}
