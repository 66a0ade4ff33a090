/**
 * Checks that this program can load the network of a package that comes from outside. Runs in a child process with bounds:
 * a server neither stops answering nor ends, whatever the file holds.
 */
import { Readers } from "../../process/mod.ts";
import type { ImportSpec } from "../spec.ts";

/** The code of a network that ends the child. */
const INVALID = "invalid-package";

export interface CheckRequest {
  readonly directory: string;
  readonly spec: ImportSpec;
}
/** null: the network can be used; otherwise the reason why not. */
export type CheckReply = string | null;

/**
 * Imports `network.onnx` of a package folder for windows of the spec's size, and forgets it again.
 * @throws {TypeError} the network is refused, with the importer's reason
 * @throws {DomainError} `too-much-work`, `busy`
 */
export async function checkNetwork(
  directory: string,
  { task, architecture, modalities, labels, classes, inference }: ImportSpec,
  readers = new Readers(),
): Promise<void> {
  const refused = await readers.run<CheckRequest, CheckReply>(import.meta.resolve("./_check_network_child.ts"), {
    task: { directory, spec: { task, architecture, modalities, labels, classes, inference } },
    reads: [directory],
    writes: [],
    refusal: { code: INVALID, start: "Cannot import model" },
  });
  if (refused !== null) throw new TypeError(refused);
}
