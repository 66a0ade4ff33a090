/** Jobs: their state, their events and their results. */
import { hasRole } from "../../identity/mod.ts";
import { WRITTEN_ENDING } from "../../volume/mod.ts";
import { attachment, fileReply, json, MASK_FILE } from "../http/reply.ts";
import { presentJob } from "./job_reply.ts";
import { jobListSchema, jobSchema, reportSchema } from "../schemas/replies.ts";
import { idParams, jobFilterSchema } from "../schemas/requests.ts";
import { route } from "../http/route.ts";
import { eventStream } from "../http/event_stream.ts";

const tag = "Jobs";
const one = (description: string) => ({ description, content: { "application/json": jobSchema } });

/** The report contains its styles and pictures and loads nothing. */
const REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

export const JOB_ROUTES = [
  route({
    method: "GET",
    path: "/v1/jobs",
    permits: "viewer",
    audit: { action: "job.list", object: "job" },
    tag,
    summary: "Jobs, newest first",
    query: jobFilterSchema,
    replies: { 200: { description: "A page of jobs", content: { "application/json": jobListSchema } } },
    refusals: ["invalid-request"],
    handle: async ({ query, services: { jobs }, identity }) => {
      const visibleTo = hasRole(identity, "admin") ? undefined : identity.id;
      return json({ jobs: (await jobs.list({ ...query, visibleTo })).map(presentJob) });
    },
  }),
  route({
    method: "GET",
    path: "/v1/jobs/{id}",
    permits: "viewer",
    audit: { action: "job.read", object: "job" },
    tag,
    summary: "A job",
    params: idParams,
    replies: { 200: one("State, progress, result") },
    refusals: ["not-found"],
    handle: async ({ params, services: { jobs } }) => json(presentJob(await jobs.get(params.id))),
  }),
  route({
    method: "GET",
    path: "/v1/jobs/{id}/events",
    permits: "viewer",
    audit: { action: "job.read", object: "job" },
    tag,
    summary: "A job's events, live",
    description:
      "Server-sent events progress, validation, log and done; the stream ends after done. 204 where the client " +
      "has already seen done.",
    params: idParams,
    headers: { "last-event-id": "Id of the last event seen; the stream starts after it" },
    replies: {
      200: { description: "Events", content: { "text/event-stream": "Server-sent events; data is JSON" } },
      204: { description: "There are no further events" },
    },
    refusals: ["not-found"],
    handle: ({ params, request, services }) =>
      eventStream(services, params.id, request.headers.get("last-event-id") ?? undefined),
  }),
  route({
    method: "GET",
    path: "/v1/jobs/{id}/report",
    permits: "viewer",
    audit: { action: "result.read", object: "job" },
    tag,
    summary: "The report of a training",
    params: idParams,
    replies: {
      200: {
        description: "With curves and pictures; of a fine-tune with scores per case",
        content: { "application/json": reportSchema, "text/html": "The same as a page" },
      },
    },
    refusals: ["not-found", "gone"],
    async handle({ params, mediaType, services: { jobs } }) {
      if (mediaType === "application/json") {
        return await fileReply(await jobs.reportFile(params.id, "json"), { "content-type": mediaType });
      }
      return await fileReply(await jobs.reportFile(params.id, "html"), {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": REPORT_POLICY,
      });
    },
  }),
  route({
    method: "GET",
    path: "/v1/jobs/{id}/mask",
    permits: "viewer",
    audit: { action: "result.read", object: "job" },
    tag,
    summary: "The mask of a segmentation job",
    params: idParams,
    replies: { 200: { description: "The mask", content: { "application/gzip": `The mask as ${WRITTEN_ENDING}` } } },
    refusals: ["not-found", "gone"],
    handle: async ({ params, services: { jobs } }) =>
      await fileReply(await jobs.resultFile(params.id), {
        "content-type": "application/gzip",
        ...attachment(MASK_FILE),
      }),
  }),
  route({
    method: "POST",
    path: "/v1/jobs/{id}/cancel",
    permits: "user",
    audit: { action: "job.cancel", object: "job" },
    tag,
    summary: "Cancel a job",
    description: "A training's last checkpoint is kept.",
    params: idParams,
    replies: { 202: one("The job, which is ending or has ended") },
    refusals: ["not-found", "job-finished"],
    handle: async ({ params, services: { jobs }, witness }) =>
      json(presentJob(await jobs.cancel(params.id, { witness })), { status: 202 }),
  }),
];
