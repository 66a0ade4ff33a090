/** The thread behind {@link importInThread}: imports a file of weights, or reports why it cannot. */
import { DomainError } from "../storage/mod.ts";
import type { ImportReply, ImportTask } from "./import_thread.ts";
import { importWeights } from "./import_weights.ts";

const main = self as unknown as {
  onmessage: (event: MessageEvent<ImportTask>) => void;
  postMessage(reply: ImportReply): void;
};

main.onmessage = async ({ data: { path, request, out } }) => {
  try {
    main.postMessage({ imported: await importWeights(path, request, out) });
  } catch (error) {
    if (error instanceof DomainError) return main.postMessage({ code: error.code, message: error.message });
    // our own messages name keys and shapes; others may hold paths, which users must not see
    const own = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
    const message = own && error.message.startsWith("Cannot ")
      ? error.message
      : "Cannot import the weights: they are unreadable";
    main.postMessage({ code: "invalid-weights", message });
  }
};
