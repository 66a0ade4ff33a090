/** Pre-training: a data set in, labelled or not, a job out that makes a candidate encoder with templates. */
import { jobReply } from "./job_reply.ts";
import { jobSchema } from "../schemas/replies.ts";
import { pretrainingSchema } from "../schemas/requests.ts";
import { route } from "../http/route.ts";

export const PRETRAINING_ROUTES = [
  route({
    method: "POST",
    path: "/v1/pretrainings",
    tag: "Data sets and fine-tuning",
    summary: "Pre-train an encoder on a data set without its labels",
    description: "Ends as a candidate version of `name`: an encoder and a template of every modality, a base for " +
      "fine-tunes once it is approved.",
    body: { kind: "json", schema: pretrainingSchema },
    replies: {
      202: {
        description: "The job",
        content: { "application/json": jobSchema },
        headers: { location: "The job's address" },
      },
    },
    refusals: ["not-found", "incomplete-dataset", "wrong-task", "invalid-recipe"],
    handle: async ({ body, services: { jobs } }) => jobReply(await jobs.submitPretraining(body)),
  }),
];
