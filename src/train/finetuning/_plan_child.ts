/** The child behind {@link planInProcess}. */
import { answerLimited, wordsOf } from "../../process/mod.ts";
import { TrainingError } from "../types.ts";
import { planFinetune, type PlanReply, type PlanRequest } from "./plan_finetune.ts";

answerLimited<PlanRequest, PlanReply>(async (request) => ({ plan: await planFinetune(request) }), (error) => {
  if (error instanceof TrainingError) return { refused: error.message, code: error.code };
  return { refused: wordsOf(error, "Cannot plan a fine-tune: the base is unreadable"), code: "invalid-recipe" };
});
