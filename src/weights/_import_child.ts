/** The child behind `import_process.ts`: does its work, or reports why it cannot. */
import { answerLimited, wordsOf } from "../process/mod.ts";
import { DomainError } from "../storage/mod.ts";
import type { Answers, ImportReply, ImportTask } from "./import_process.ts";
import { importWeights } from "./import_weights.ts";
import { inspectWeights } from "./inspect.ts";
import { featuresOfPackage } from "./name_features.ts";

answerLimited<ImportTask, ImportReply>(async (task) => ({ answer: await answerTo(task) }), (error) => {
  if (error instanceof DomainError) return { code: error.code, message: error.message };
  return { code: "invalid-weights", message: wordsOf(error, "Cannot import the weights: they are unreadable") };
});

async function answerTo(task: ImportTask): Promise<Answers[keyof Answers]> {
  switch (task.kind) {
    case "import":
      return await importWeights(task.source, task.request, task.out);
    case "inspect":
      return await inspectWeights(task.source, task.request, task.out);
    case "features":
      return { features: await featuresOfPackage(task.directory, task.spec, task.features) };
  }
}
