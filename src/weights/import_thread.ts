/** Imports and inspects weights in a thread of its own, so that a server keeps answering while a large file is read. */
import type { ImportSpec } from "../inference/mod.ts";
import { inThread } from "../process/mod.ts";
import type { ModelVersion, Registry } from "../registry/mod.ts";
import { DomainError, type DomainErrorCode } from "../storage/mod.ts";
import type { ImportReport } from "./import_result.ts";
import type { Imported } from "./import_weights.ts";
import type { Inspection } from "./inspect.ts";
import type { ImportRequest, InspectRequest } from "./request/import_request.ts";
import type { ImportSource } from "./source/source.ts";

/** The wishes of the thread; `out` gets the files of a package, or what is unpacked. */
interface Wishes {
  readonly import: { readonly source: ImportSource; readonly request: ImportRequest; readonly out: string };
  readonly inspect: { readonly source: ImportSource; readonly request: InspectRequest; readonly out: string };
  readonly features: { readonly directory: string; readonly spec: ImportSpec; readonly features: readonly string[] };
}
/** Its answers. */
export interface Answers {
  readonly import: Imported;
  readonly inspect: Inspection;
  readonly features: { readonly features: readonly string[] };
}
type Kind = keyof Wishes;

export type ImportTask<K extends Kind = Kind> = { [I in K]: { readonly kind: I } & Wishes[I] }[K];
export type ImportReply<K extends Kind = Kind> =
  | { readonly answer: Answers[K] }
  | { readonly code: DomainErrorCode; readonly message: string };

/**
 * Makes a candidate of weights or of an ONNX graph, whole or not at all.
 * @throws {DomainError} `invalid-weights`, `invalid-archive`, `too-large`, `invalid-manifest`
 */
export async function importWeightFile(
  registry: Pick<Registry, "addMade">,
  { source, request, actor = "import" }: {
    readonly source: ImportSource;
    readonly request: ImportRequest;
    readonly actor?: string;
  },
): Promise<{ readonly version: ModelVersion; readonly report: ImportReport }> {
  const { version, made } = await registry.addMade(
    (out) => inImportThread({ kind: "import", source, request, out }),
    actor,
  );
  return { version, report: made.report };
}

/**
 * `inspectWeights()` in a thread; what is unpacked goes into a folder that is removed again.
 * @throws {DomainError} `invalid-weights`, `invalid-archive`, `too-large`
 */
export async function inspectWeightFile(source: ImportSource, request: InspectRequest): Promise<Inspection> {
  const out = await Deno.makeTempDir();
  try {
    return await inImportThread({ kind: "inspect", source, request, out });
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

/** The thread's answer. @throws {DomainError} `invalid-weights`, `invalid-archive`, `too-large` */
export async function inImportThread<K extends Kind>(task: ImportTask<K>): Promise<Answers[K]> {
  const reply = await inThread<ImportTask<K>, ImportReply<K>>(import.meta.resolve("./_import_worker.ts"), {
    task,
    failed: { code: "invalid-weights", message: "Cannot import the weights: the importing thread failed" },
  });
  if ("code" in reply) throw new DomainError(reply.code, reply.message);
  return reply.answer;
}
