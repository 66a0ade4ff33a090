/** The thread behind {@link planInThread}. */
import { answerTasks, wordsOf } from "../../process/mod.ts";
import { TrainingError } from "../types.ts";
import { planFinetune, type PlanReply, type PlanRequest } from "./plan_finetune.ts";

answerTasks(async (request: PlanRequest): Promise<PlanReply> => {
  try {
    return { plan: await planFinetune(request) };
  } catch (error) {
    if (error instanceof TrainingError) return { refused: error.message, code: error.code };
    return { refused: wordsOf(error, "Cannot plan a fine-tune: the base is unreadable"), code: "invalid-recipe" };
  }
});
