/** The thread behind {@link importInThread}: imports a file of weights, or reports why it cannot. */
import { answerTasks, wordsOf } from "../process/mod.ts";
import { DomainError } from "../storage/mod.ts";
import type { ImportReply, ImportTask } from "./import_thread.ts";
import { importWeights } from "./import_weights.ts";

answerTasks(async ({ path, request, out }: ImportTask): Promise<ImportReply> => {
  try {
    return { imported: await importWeights(path, request, out) };
  } catch (error) {
    if (error instanceof DomainError) return { code: error.code, message: error.message };
    return { code: "invalid-weights", message: wordsOf(error, "Cannot import the weights: they are unreadable") };
  }
});
