/**
 * Checks that this program can load the network of a package that comes from outside. Runs in a thread of its own: a
 * server must not stop answering while a large network is read.
 */
import { inThread } from "../../process/mod.ts";
import type { ImportSpec } from "../spec.ts";

export interface CheckRequest {
  readonly directory: string;
  readonly spec: ImportSpec;
}
/** null: the network can be used; otherwise the reason why not. */
export type CheckReply = string | null;

/**
 * Imports `network.onnx` of a package folder for windows of the spec's size, and forgets it again.
 * @throws {TypeError} the network is refused, with the importer's reason
 */
export async function checkNetwork(
  directory: string,
  { task, architecture, modalities, labels, classes, inference }: ImportSpec,
): Promise<void> {
  const refused = await inThread<CheckRequest, CheckReply>(import.meta.resolve("./_check_network_worker.ts"), {
    task: { directory, spec: { task, architecture, modalities, labels, classes, inference } },
    failed: "Cannot import model: the importing thread failed",
  });
  if (refused !== null) throw new TypeError(refused);
}
