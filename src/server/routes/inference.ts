/** Segmentation and classification: volumes in, a mask or probabilities out, now or as a job. */
import { KINDS, type OutputOf, type Performed, type SegmentInput } from "../../jobs/mod.ts";
import { inputFromName, INPUTS } from "../../inference/mod.ts";
import { VOLUME_ENDINGS, WRITTEN_ENDING } from "../../volume/mod.ts";
import { attachment, fileReply, json, MASK_FILE } from "../http/reply.ts";
import { bodyLimits } from "../http/body.ts";
import { readVolumeForm } from "../http/form.ts";
import { jobReply, maskUrl } from "./job_reply.ts";
import { prefersAsync } from "../http/negotiate.ts";
import { Problem, type ProblemCode } from "../http/problems.ts";
import { classificationSchema, jobSchema, segmentationSchema } from "../schemas/replies.ts";
import { inferenceOptionsSchema, nameParams, segmentOptionsSchema, segmentQuery } from "../schemas/requests.ts";
import { type Call, type Reply, route } from "../http/route.ts";
import type { SpoolFolder } from "../http/spool.ts";

const tag = "Segment, classify";
const MASK_TYPE = "application/octet-stream";
const JSON_TYPE = "application/json";

/** The options of each kind's form. */
const OPTIONS = { segment: segmentOptionsSchema, classify: inferenceOptionsSchema } as const;
const headers = { prefer: "respond-async: reply 202 with a job at once" };
const description =
  "One file part per modality, named after it (t1, t1c, t2, flair, …; usual aliases are understood): " +
  `${VOLUME_ENDINGS.join(" or ")}. An optional part \`options\` holds JSON.`;
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
  "no-position",
  "invalid-volume",
  "template-missing",
  "invalid-output",
  "too-large",
  "too-much-work",
  "package-tampered",
  "busy",
  "timeout",
  "unsupported",
  "crashed",
  "failed",
  "out-of-memory",
];

type InferenceCall = Call<{ name: string }, Pick<SegmentInput, "output" | "quality">, undefined>;
type InferenceKind = "segment" | "classify";
type Answer<K extends InferenceKind> = Performed<NonNullable<OutputOf<K>>>;

/** Receives a request's volumes into `folder`; `durable`: they will outlive the request. */
async function receive(
  { request, params, query, services, received }: InferenceCall,
  { folder, durable, kind }: { folder: SpoolFolder; durable: boolean; kind: InferenceKind },
): Promise<SegmentInput> {
  const { limits } = services.settings;
  const { name, task } = await services.registry.get(params.name);
  const { modelTask: expected } = KINDS[kind];
  if (task !== expected) { // before gigabytes are read
    throw new Problem("wrong-task", `Cannot use ${name} for ${expected}: its task is ${task}`);
  }
  const { images, options } = await readVolumeForm(request, {
    folder,
    options: OPTIONS[kind],
    body: bodyLimits(limits, limits.formBytes, received),
    maxFileBytes: limits.fileBytes,
    durable,
    parts: INPUTS,
    partOf: inputFromName,
  });
  if (Object.keys(images).length === 0) {
    throw new Problem("missing-modality", "Cannot run the model: the form has no image, expected parts such as t1");
  }
  return { model: params.name, ...options, images, ...query };
}

/**
 * Runs a request as a job: replies with the job at once where the client prefers that, and otherwise waits for its end.
 * `keep`: the job and its mask stay for the addresses in the reply.
 */
async function infer<K extends InferenceKind>(
  call: InferenceCall,
  { kind, keep, reply }: {
    readonly kind: K;
    readonly keep: boolean;
    readonly reply: (answer: Answer<K>) => Response | Promise<Response>;
  },
): Promise<Response> {
  const { services: { jobs, metrics, spool }, request, signal } = call;
  const later = prefersAsync(request);
  await using folder = await spool.folder();
  const place = await call.services.quotas.job(call.identity);
  const input = await receive(call, { folder, durable: later || keep, kind });
  if (later) return jobReply(await jobs.submit(kind, input, place));
  await using answer = await jobs.perform(kind, input, { signal, keep, ...place });
  metrics.inference.observe(answer.output.timingsMs.infer / 1000, { kind });
  return await reply(answer);
}

/** The JSON reply's facts for those who take the mask itself. */
function maskHeaders(
  { model, version, output: { provider, warnings, quality } }: Answer<"segment">,
): Record<string, string> {
  return {
    "content-type": "application/gzip",
    ...attachment(MASK_FILE),
    "x-sulcus-model": `${model}/${version}`,
    "x-sulcus-provider": provider,
    ...(quality !== undefined && { "x-sulcus-quality": asciiJson(quality) }),
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

function segment(call: InferenceCall): Promise<Response> {
  if (call.mediaType !== JSON_TYPE) {
    return infer(call, { kind: "segment", keep: false, reply: (found) => fileReply(found.mask, maskHeaders(found)) });
  }
  const reply = ({ id, model, version, output }: Answer<"segment">) =>
    json({ model, version, maskUrl: maskUrl(id), ...output });
  return infer(call, { kind: "segment", keep: true, reply });
}

function classify(call: InferenceCall): Promise<Response> {
  const reply = ({ model, version, output }: Answer<"classify">) => json({ model, version, ...output });
  return infer(call, { kind: "classify", keep: false, reply });
}

export const INFERENCE_ROUTES = [
  route({
    method: "POST",
    path: "/v1/models/{name}/segment",
    permits: "user",
    audit: { action: "image.segment", object: "model" },
    tag,
    summary: "Segment a case",
    description:
      `${description} The mask is on the grid of the first modality exactly, or of the one that options.reference names.`,
    params: nameParams,
    query: segmentQuery,
    body: { kind: "form", options: OPTIONS.segment },
    headers,
    replies: {
      200: {
        description: "The mask, or with Accept: application/json what was found and where the mask is",
        content: {
          [MASK_TYPE]: `The mask as ${WRITTEN_ENDING}`,
          "application/gzip": `The mask as ${WRITTEN_ENDING}`,
          [JSON_TYPE]: segmentationSchema,
        },
        headers: {
          "x-sulcus-model": "Name/version",
          "x-sulcus-provider": "What it ran on",
          "x-sulcus-quality": "The answer's quality as JSON: see the field `quality` of the JSON reply",
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
    permits: "user",
    audit: { action: "image.classify", object: "model" },
    tag,
    summary: "Classify a case",
    description,
    params: nameParams,
    body: { kind: "form", options: OPTIONS.classify },
    headers,
    replies: {
      200: { description: "Probabilities of the classes, or values", content: { [JSON_TYPE]: classificationSchema } },
      202: accepted,
    },
    refusals,
    handle: (call) => classify({ ...call, query: {} }),
  }),
];
