/** The child behind {@link checkNetwork}: imports a network and reports why it cannot. */
import { answerLimited, wordsOf } from "../../process/mod.ts";
import type { CheckReply, CheckRequest } from "./check_network.ts";
import { InferenceError } from "../types.ts";
import { importNetwork } from "./loaded_network.ts";

answerLimited<CheckRequest, CheckReply>(async ({ directory, spec }) => {
  await importNetwork(directory, spec);
  return null;
}, (error) => {
  if (error instanceof InferenceError) return error.message;
  return wordsOf(error, "Cannot import model: it is unreadable");
});
