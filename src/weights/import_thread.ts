/** Imports weights in a thread of their own, so that a server keeps answering while a large file is read. */
import { inThread } from "../process/mod.ts";
import { DomainError, type DomainErrorCode } from "../storage/mod.ts";
import type { ImportRequest } from "./request/import_request.ts";
import type { Imported } from "./import_weights.ts";
import type { ImportReport } from "./import_result.ts";
import type { ModelVersion, Registry } from "../registry/mod.ts";

export interface ImportTask {
  readonly path: string;
  readonly request: ImportRequest;
  /** The folder that gets the package's files. */
  readonly out: string;
}
export type ImportReply =
  | { readonly imported: Imported }
  | { readonly code: DomainErrorCode; readonly message: string };

/**
 * Makes a candidate of a file of weights or of an ONNX graph, whole or not at all.
 * @throws {DomainError} `invalid-weights`, `invalid-archive`, `too-large`, `invalid-manifest`
 */
export async function importWeightFile(
  registry: Pick<Registry, "addMade">,
  { path, request, actor = "import" }: {
    readonly path: string;
    readonly request: ImportRequest;
    readonly actor?: string;
  },
): Promise<{ readonly version: ModelVersion; readonly report: ImportReport }> {
  const { version, made } = await registry.addMade((out) => importInThread({ path, request, out }), actor);
  return { version, report: made.report };
}

/** `importWeights()` in a thread. @throws {DomainError} `invalid-weights`, `invalid-archive`, `too-large` */
export async function importInThread(task: ImportTask): Promise<Imported> {
  const reply = await inThread<ImportTask, ImportReply>(import.meta.resolve("./_import_worker.ts"), {
    task,
    failed: { code: "invalid-weights", message: "Cannot import the weights: the importing thread failed" },
  });
  if ("imported" in reply) return reply.imported;
  throw new DomainError(reply.code, reply.message);
}
