/** The thread behind {@link checkNetwork}: imports a network and reports why it cannot. */
import { answerTasks, wordsOf } from "../../process/mod.ts";
import type { CheckReply, CheckRequest } from "./check_network.ts";
import { InferenceError } from "../types.ts";
import { importNetwork } from "./loaded_network.ts";

answerTasks(async ({ directory, spec }: CheckRequest): Promise<CheckReply> => {
  try {
    await importNetwork(directory, spec);
    return null;
  } catch (error) {
    if (error instanceof InferenceError) return error.message;
    return wordsOf(error, "Cannot import model: it is unreadable");
  }
});
