/** Trainings: a data set in, a job out that makes a candidate version. */
import { route } from "../http/route.ts";
import { jobSchema } from "../schemas/replies.ts";
import { finetuneSchema, pretrainingSchema } from "../schemas/requests.ts";
import { jobReply } from "./job_reply.ts";

const tag = "Data sets and fine-tuning";
const replies = {
  202: {
    description: "The job",
    content: { "application/json": jobSchema },
    headers: { location: "The job's address" },
  },
};

export const TRAINING_ROUTES = [
  route({
    method: "POST",
    path: "/v1/finetunes",
    permits: "everyone",
    tag,
    summary: "Fine-tune a model on a data set",
    description: "Ends as a candidate version of `name`, which is served once it is approved.",
    body: { kind: "json", schema: finetuneSchema },
    replies,
    refusals: ["not-found", "model-not-served", "incomplete-dataset", "wrong-task", "invalid-recipe"],
    handle: async ({ body, services: { jobs } }) => jobReply(await jobs.submit("finetune", body)),
  }),
  route({
    method: "POST",
    path: "/v1/pretrainings",
    permits: "everyone",
    tag,
    summary: "Pre-train an encoder on a data set without its labels",
    description: "Ends as a candidate version of `name`: an encoder and a template of every modality, a base for " +
      "fine-tunes once it is approved.",
    body: { kind: "json", schema: pretrainingSchema },
    replies,
    refusals: ["not-found", "incomplete-dataset", "wrong-task", "invalid-recipe"],
    handle: async ({ body, services: { jobs } }) => jobReply(await jobs.submit("pretrain", body)),
  }),
];
