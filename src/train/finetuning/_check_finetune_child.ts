/** The child behind {@link checkFinetune}: plans a fine-tune and reports why it cannot. */
import { answerLimited, wordsOf } from "../../process/mod.ts";
import { TrainingError } from "../types.ts";
import { type CheckReply, type FinetuneCheck, planned } from "./check_finetune.ts";

answerLimited<FinetuneCheck, CheckReply>(async (check) => {
  await planned(check);
  return null;
}, (error) => {
  if (error instanceof TrainingError) return error.message;
  return wordsOf(error, "Cannot fine-tune: the base is unreadable");
});
