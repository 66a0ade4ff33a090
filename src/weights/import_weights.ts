/**
 * Files of weights as model packages. Writes a package's files into a folder and drafts its manifest; the registry owns
 * versions and states.
 */
import project from "../../deno.json" with { type: "json" };
import type { ModelSpec } from "../inference/mod.ts";
import { type ManifestDraft, specSchema } from "../registry/mod.ts";
import { writeWhole } from "../storage/mod.ts";
import { type Description, qualityFor } from "./description.ts";
import { importOnnx } from "./import_onnx.ts";
import type { ImportRequest } from "./request/import_request.ts";
import { FRESH_SEED, type ImportReport } from "./import_result.ts";
import { importTensors } from "./import_tensors.ts";
import { readSource } from "./source/read.ts";
import { type ImportSource, openSource } from "./source/source.ts";
import { statedBeside } from "./stated/beside.ts";
import { stacked, statedBy } from "./stated/stated.ts";

export interface Imported {
  readonly draft: ManifestDraft;
  readonly report: ImportReport;
}

/**
 * Writes `network.onnx`, templates and `report.json` for the network of a source into the folder `out`.
 * @throws {DomainError} the archive is refused
 * @throws {SyntaxError | TypeError | RangeError} the weights are refused, with the reason
 */
export async function importWeights(source: ImportSource, request: ImportRequest, out: string): Promise<Imported> {
  const scratch = await Deno.makeTempDir({ dir: out, prefix: "." });
  try {
    using opened = await openSource(source, scratch);
    const { format, contents, received } = await readSource(opened);
    const { metadata } = contents, { configuration } = request;
    const beside = statedBeside(opened.texts, { metadata, configuration });
    const stated = stacked({ ...beside, notes: [...opened.notes, ...beside.notes] }, statedBy(request));
    const { spec, report, described } = contents.holds === "graph"
      ? await importOnnx(contents, { request, stated, out })
      : await importTensors(contents, { request, stated, out });
    const full: ImportReport = { format, source: received, ...report };
    await writeWhole(`${out}/report.json`, JSON.stringify({ identities: "none", ...full }, null, 2));
    return { draft: draftOf(spec, { request, report: full, described }), report: full };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

function draftOf(
  spec: ModelSpec,
  { request, report, described }: {
    readonly request: ImportRequest;
    readonly report: ImportReport;
    readonly described: Description | undefined;
  },
): ManifestDraft {
  const { format, source, missing, batchesTracked } = report;
  const fresh = missing.length > 0
    ? ` ${missing.length} of its tensors are fresh: fine-tune it before it is used.`
    : "";
  const former = described?.provenance;
  const importedFrom = { format, ...source };
  return {
    ...specSchema.parse({ ...spec, ...qualityFor(spec, described) }),
    name: request.name,
    provenance: former !== undefined ? { ...former, recipe: { ...former.recipe, importedFrom } } : {
      recipe: { importedFrom, batchesTracked },
      seed: fresh === "" ? null : FRESH_SEED,
      software: { sulcus: project.version, deno: Deno.version.deno },
      metrics: {},
      createdAt: new Date().toISOString(),
      note: `Imported from a file of weights (${format}).${fresh}`,
    },
    licence: request.licence ?? described?.licence ?? "Not stated: that of the imported weights",
    intendedUse: described?.intendedUse ??
      "Imported weights. To be validated before they are used. Research only. Not a medical device.",
  };
}
