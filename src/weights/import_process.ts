/**
 * Imports and inspects weights in a child process with bounds: a server neither stops answering nor ends, whatever the files
 * hold.
 */
import { dirname } from "node:path";
import type { ImportSpec } from "../inference/mod.ts";
import { Readers } from "../process/mod.ts";
import type { Bringer, ModelVersion, Registry } from "../registry/mod.ts";
import { DomainError, type DomainErrorCode } from "../storage/mod.ts";
import type { ImportReport } from "./import_result.ts";
import type { Imported } from "./import_weights.ts";
import type { Inspection } from "./inspect.ts";
import type { ImportRequest, InspectRequest } from "./request/import_request.ts";
import type { ImportSource } from "./source/source.ts";

/** The wishes of the child; `out` gets the files of a package, or what is unpacked. */
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
 * @throws {DomainError} `invalid-weights`, `invalid-archive`, `too-large`, `too-much-work`, `invalid-manifest`, `busy`
 */
export async function importWeightFile(
  registry: Pick<Registry, "addMade">,
  { source, request, bringer = {}, readers }: {
    readonly source: ImportSource;
    readonly request: ImportRequest;
    readonly bringer?: Bringer;
    /** Default: some of its own. */
    readonly readers?: Readers;
  },
): Promise<{ readonly version: ModelVersion; readonly report: ImportReport }> {
  const { version, made } = await registry.addMade(
    (out) => inImportProcess({ kind: "import", source, request, out }, { ...pathsOf(source, out), readers }),
    bringer,
  );
  return { version, report: made.report };
}

/**
 * `inspectWeights()` in a child; what is unpacked goes into a folder that is removed again.
 * @throws {DomainError} `invalid-weights`, `invalid-archive`, `too-large`, `too-much-work`, `busy`
 */
export async function inspectWeightFile(
  source: ImportSource,
  request: InspectRequest,
  readers?: Readers,
): Promise<Inspection> {
  const out = await Deno.makeTempDir();
  try {
    return await inImportProcess({ kind: "inspect", source, request, out }, { ...pathsOf(source, out), readers });
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

/**
 * The child's answer.
 * @throws {DomainError} `invalid-weights`, `invalid-archive`, `too-large`, `too-much-work`, `busy`
 */
export async function inImportProcess<K extends Kind>(
  task: ImportTask<K>,
  { reads, writes, readers = new Readers() }: ImportPaths & { readonly readers?: Readers | undefined },
): Promise<Answers[K]> {
  const reply = await readers.run<ImportTask<K>, ImportReply<K>>(import.meta.resolve("./_import_child.ts"), {
    task,
    reads,
    writes,
    refusal: { code: "invalid-weights", start: "Cannot import the weights" },
  });
  if ("code" in reply) throw new DomainError(reply.code, reply.message);
  return reply.answer;
}

/** What the child may read and write. */
export interface ImportPaths {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

function pathsOf({ path, files = {}, neighbours = false }: ImportSource, out: string): ImportPaths {
  const own = path === undefined ? [] : [neighbours ? dirname(path) : path];
  return { reads: [...own, ...Object.values(files)], writes: [out] };
}
