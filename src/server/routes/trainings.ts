/** Trainings: a data set in, a job out that makes a candidate version. */
import type { Identity } from "../../identity/mod.ts";
import { json } from "../http/reply.ts";
import { route } from "../http/route.ts";
import { finetunePlan, type SubmitOptions } from "../../jobs/mod.ts";
import type { Services } from "../http/services.ts";
import { finetunePlanSchema, jobSchema } from "../schemas/replies.ts";
import { finetunePlanRequestSchema, finetuneSchema, pretrainingSchema } from "../schemas/requests.ts";
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
    permits: "annotator",
    audit: { action: "training.start", object: "job" },
    reads: true,
    tag,
    summary: "Fine-tune a model on a data set",
    description: "Ends as a candidate version of `name`, which is served once it is approved.",
    body: { kind: "json", schema: finetuneSchema },
    replies,
    refusals: [
      "not-found",
      "model-not-served",
      "incomplete-dataset",
      "wrong-task",
      "invalid-recipe",
      "conflict",
      "project-full",
    ],
    handle: async ({ body, services, identity, witness }) => {
      const place = await placeOf(services, identity, { ...body, base: body.base.model });
      return jobReply(await services.jobs.submit("finetune", body, { ...place, witness }));
    },
  }),
  route({
    method: "POST",
    path: "/v1/finetunes/plan",
    permits: "annotator",
    audit: { action: "training.plan", object: "dataset" },
    reads: true,
    tag,
    summary: "Plan a fine-tune without training",
    description:
      "The data's fingerprint, the recipe that follows from it with a reason for every rule, and the time and " +
      "memory that it is expected to take. Its `recipe`, edited or not, may be given to `POST /v1/finetunes`.",
    body: { kind: "json", schema: finetunePlanRequestSchema },
    replies: { 200: { description: "The plan", content: { "application/json": finetunePlanSchema } } },
    refusals: ["not-found", "model-not-served", "incomplete-dataset", "wrong-task", "invalid-recipe", "invalid-data"],
    handle: async ({ body, services, identity }) => {
      const { registry, datasets, access, readers } = services;
      await access.check(identity, { kind: "dataset", id: body.dataset });
      await access.check(identity, { kind: "model", id: body.base.model });
      return json(await finetunePlan(body, { registry, datasets, provider: await providerOf(services), readers }));
    },
  }),
  route({
    method: "POST",
    path: "/v1/pretrainings",
    permits: "annotator",
    audit: { action: "training.start", object: "job" },
    tag,
    summary: "Pre-train an encoder on a data set without its labels",
    description: "Ends as a candidate version of `name`: an encoder and a template of every modality, a base for " +
      "fine-tunes once it is approved.",
    body: { kind: "json", schema: pretrainingSchema },
    replies,
    refusals: ["not-found", "incomplete-dataset", "wrong-task", "invalid-recipe", "conflict", "project-full"],
    handle: async ({ body, services, identity, witness }) => {
      const place = await placeOf(services, identity, body);
      return jobReply(await services.jobs.submit("pretrain", body, { ...place, witness }));
    },
  }),
];

/** The place of a training in the queue. Refuses data and bases of others, names that others have, and more jobs than one may have. */
async function placeOf(
  { access, quotas, projects }: Services,
  identity: Identity,
  { dataset, base, name }: { readonly dataset: string; readonly base?: string; readonly name: string },
): Promise<SubmitOptions> {
  await access.check(identity, { kind: "dataset", id: dataset });
  if (base !== undefined) await access.check(identity, { kind: "model", id: base });
  const place = await quotas.job(identity);
  await access.claimModel(identity, name);
  await projects.checkFree((await access.holders({ kind: "model", id: name })).project);
  return place;
}

/** The kind of device that a job would run on; the CPU while none is known. */
async function providerOf({ settings, devices }: Services) {
  if (settings.provider !== "auto") return settings.provider;
  return (await devices.list(PROBE_MS)).find(({ state }) => state === "ready")?.provider ?? "cpu";
}

const PROBE_MS = 5000;
