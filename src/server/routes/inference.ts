/** Segmentation and classification: volumes in, a mask or probabilities out, now or as a job. */
import type { InferenceInput, SegmentOutcome } from "../../jobs/mod.ts";
import { attachment, fileReply, json } from "../http/reply.ts";
import { readVolumeForm } from "../http/form.ts";
import { jobReply } from "./job_reply.ts";
import { prefersAsync } from "../http/negotiate.ts";
import { Problem, type ProblemCode } from "../http/problems.ts";
import { classificationSchema, jobSchema, segmentationSchema } from "../schemas/replies.ts";
import { inferenceOptionsSchema, nameParams, segmentQuery } from "../schemas/requests.ts";
import { type Call, type Reply, route } from "../http/route.ts";
import type { Services } from "../http/services.ts";
import type { SpoolFolder } from "../http/spool.ts";
import { runToEnd } from "./wait_for_job.ts";

const tag = "Segment, classify";
const MASK_TYPE = "application/octet-stream";
const JSON_TYPE = "application/json";

const body = { kind: "form", options: inferenceOptionsSchema } as const;
const headers = { prefer: "respond-async: reply 202 with a job at once" };
const description =
  "One file part per modality, named after it (t1, t1c, t2, flair, …; usual aliases are understood): " +
  ".nii or .nii.gz. An optional part `options` holds JSON.";
const accepted: Reply = {
  description: "A job, with Prefer: respond-async",
  content: { [JSON_TYPE]: jobSchema },
  headers: { location: "The job's address", "preference-applied": "respond-async" },
};
const refusals: readonly ProblemCode[] = [
  "not-found",
  "model-not-served",
  "wrong-task",
  "invalid-multipart",
  "invalid-request",
  "unsupported-media-type",
  "missing-modality",
  "unknown-modality",
  "no-overlap",
  "invalid-volume",
  "template-missing",
  "too-large",
  "package-tampered",
  "busy",
  "timeout",
  "unsupported",
  "crashed",
  "failed",
  "out-of-memory",
];

type InferenceCall = Call<{ name: string }, { output?: InferenceInput["output"] }, undefined>;

/** Receives a request's volumes into `folder`. */
async function receive(
  { request, params, query, services }: InferenceCall,
  { folder, durable, task }: { folder: SpoolFolder; durable: boolean; task: "segmentation" | "classification" },
): Promise<InferenceInput> {
  const { limits } = services.settings;
  const model = await services.registry.get(params.name);
  if (model.task !== task) { // before gigabytes are read
    throw new Problem("wrong-task", `Cannot use ${model.name} for ${task}: its task is ${model.task}`);
  }
  const { images, options } = await readVolumeForm(request, {
    folder,
    options: inferenceOptionsSchema,
    body: {
      maxBytes: limits.formBytes,
      idleMs: limits.idleMs,
      onBytes: (bytes) => services.metrics.uploaded.add({}, bytes),
    },
    maxFileBytes: limits.fileBytes,
    durable,
  });
  if (Object.keys(images).length === 0) {
    throw new Problem("missing-modality", "Cannot run the model: the form has no image");
  }
  return { model: params.name, ...options, images, output: query.output };
}

/** What the JSON reply says, for those who take the mask itself. */
function maskHeaders({ model, version, result }: SegmentOutcome): Record<string, string> {
  const { provider, warnings } = result;
  return {
    "content-type": "application/gzip",
    ...attachment("mask.nii.gz"),
    "x-sulcus-model": `${model}/${version}`,
    "x-sulcus-provider": provider,
    ...(warnings.length > 0 && { "x-sulcus-warnings": asciiJson(warnings) }),
  };
}

/** JSON that a header can hold. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[^\x20-\x7e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function observe({ metrics }: Services, kind: string, { infer }: { readonly infer: number }): void {
  metrics.inference.observe(infer / 1000, { kind });
}

async function segment(call: InferenceCall): Promise<Response> {
  const { services, request, mediaType, signal } = call;
  const isJob = prefersAsync(request) || mediaType === JSON_TYPE;
  await using folder = await services.spool.folder();
  const input = await receive(call, { folder, durable: isJob, task: "segmentation" });
  if (prefersAsync(request)) return jobReply(await services.jobs.submitInference("segment", input));
  if (mediaType === JSON_TYPE) {
    const { output, ...used } = await runToEnd(services, input, signal);
    observe(services, "segment", output.timingsMs);
    return json({ ...used, ...output });
  }
  const path = folder.path("mask.nii.gz");
  const outcome = await services.jobs.segment(input, path, { signal });
  observe(services, "segment", outcome.result.timingsMs);
  return await fileReply(path, maskHeaders(outcome));
}

async function classify(call: InferenceCall): Promise<Response> {
  const { services, request, signal } = call;
  const isJob = prefersAsync(request);
  await using folder = await services.spool.folder();
  const input = await receive(call, { folder, durable: isJob, task: "classification" });
  if (isJob) return jobReply(await services.jobs.submitInference("classify", input));
  const { model, version, result } = await services.jobs.classify(input, { signal });
  observe(services, "classify", result.timingsMs);
  return json({ model, version, ...result });
}

export const INFERENCE_ROUTES = [
  route({
    method: "POST",
    path: "/v1/models/{name}/segment",
    permits: "everyone",
    tag,
    summary: "Segment a case",
    description: `${description} The mask is on the grid of the first modality exactly.`,
    params: nameParams,
    query: segmentQuery,
    body,
    headers,
    replies: {
      200: {
        description: "The mask, or with Accept: application/json what was found and where the mask is",
        content: {
          [MASK_TYPE]: "The mask as .nii.gz",
          "application/gzip": "The mask as .nii.gz",
          [JSON_TYPE]: segmentationSchema,
        },
        headers: {
          "x-sulcus-model": "Name/version",
          "x-sulcus-provider": "What it ran on",
          "x-sulcus-warnings": "Warnings as JSON, when there are any",
        },
      },
      202: accepted,
    },
    refusals,
    handle: segment,
  }),
  route({
    method: "POST",
    path: "/v1/models/{name}/classify",
    permits: "everyone",
    tag,
    summary: "Classify a case",
    description,
    params: nameParams,
    body,
    headers,
    replies: {
      200: { description: "Probabilities of the classes", content: { [JSON_TYPE]: classificationSchema } },
      202: accepted,
    },
    refusals,
    handle: (call) => classify({ ...call, query: {} }),
  }),
];
