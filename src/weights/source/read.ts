/** The contents of an import's files: tensors, or a graph that holds all its weights itself. */
import { externalFiles, withExternalData } from "../../graph/mod.ts";
import { digestFile, type ReceivedFile } from "../../storage/mod.ts";
import type { Contents } from "../formats/format.ts";
import { type FormatName, formatOf, readFormat } from "../formats/formats.ts";
import { takeMetadata } from "./metadata.ts";
import type { OpenedSource } from "./source.ts";

export interface ReadSource {
  readonly format: FormatName;
  readonly contents: Contents;
  /** The file with the network, without those beside it. */
  readonly received: ReceivedFile;
}

/**
 * Reads the network of a source. Weights that lie beside a graph become part of it.
 * @throws {DomainError} `invalid-archive`, `too-large`
 * @throws {SyntaxError | TypeError | RangeError} damaged, refused, beyond bounds, or a file is missing
 */
export async function readSource(source: OpenedSource): Promise<ReadSource> {
  const format = await formatOf(source.path);
  const { bytes, sha256 } = await digestFile(source.path), received = { bytes, sha256 };
  const contents = await readFormat(source.path, format);
  if (contents.holds === "tensors") return { format, contents, received };
  const names = externalFiles(contents.bytes);
  const whole = names.length === 0 ? contents.bytes : withExternalData(contents.bytes, await source.beside(names));
  const { model, metadata } = takeMetadata(whole);
  return { format, contents: { holds: "graph", bytes: model, metadata }, received };
}
