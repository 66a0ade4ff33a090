/**
 * Files of weights as model packages: official BrainMVP checkpoints, safetensors, ONNX graphs. Writes a package's files
 * into a folder and drafts its manifest; versions and states are the store's.
 */
import project from "../../deno.json" with { type: "json" };
import type { ModelSpec } from "../inference/mod.ts";
import { digestFile, writeWhole } from "../storage/mod.ts";
import { importOnnx } from "./import_onnx.ts";
import type { ImportRequest } from "./import_request.ts";
import { FRESH_SEED, type ImportReport } from "./import_result.ts";
import { importTensors } from "./import_tensors.ts";
import { type ManifestDraft } from "../registry/mod.ts";
import { specSchema } from "../registry/mod.ts";
import { readWeightFile, weightFormatOf } from "./formats/weight_file.ts";

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
  const format = await weightFormatOf(path);
  const source = await digestFile(path);
  const { spec, report } = format === "onnx"
    ? await importOnnx(path, request, out)
    : await importTensors(await readWeightFile(path, format), request, out);
  const full: ImportReport = { format, source: { bytes: source.bytes, sha256: source.sha256 }, ...report };
  await writeWhole(`${out}/report.json`, JSON.stringify(full, null, 2));
  return { draft: draftOf(spec, { request, report: full }), report: full };
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
