/** Fine-tuning: a data set and a base model in, a job out that makes a candidate version. */
import { jobReply } from "./job_reply.ts";
import { jobSchema } from "../schemas/replies.ts";
import { finetuneSchema } from "../schemas/requests.ts";
import { route } from "../http/route.ts";

export const FINETUNE_ROUTES = [
  route({
    method: "POST",
    path: "/v1/finetunes",
    tag: "Data sets and fine-tuning",
    summary: "Fine-tune a model on a data set",
    description: "Ends as a candidate version of `name`, which is served once it is approved.",
    body: { kind: "json", schema: finetuneSchema },
    replies: {
      202: {
        description: "The job",
        content: { "application/json": jobSchema },
        headers: { location: "The job's address" },
      },
    },
    refusals: ["not-found", "model-not-served", "incomplete-dataset", "wrong-task", "invalid-recipe"],
    handle: async ({ body, services: { jobs } }) => jobReply(await jobs.submitFinetune(body)),
  }),
];
