/** The thread behind {@link checkFinetune}: plans a fine-tune and reports why it cannot. */
import { answerTasks, wordsOf } from "../../process/mod.ts";
import { TrainingError } from "../types.ts";
import { type CheckReply, type FinetuneCheck, planned } from "./check_finetune.ts";

answerTasks(async (check: FinetuneCheck): Promise<CheckReply> => {
  try {
    await planned(check);
    return null;
  } catch (error) {
    if (error instanceof TrainingError) return error.message;
    return wordsOf(error, "Cannot fine-tune: the base is unreadable");
  }
});
