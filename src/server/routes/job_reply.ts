/** Jobs as users see them. */
import { type JobRecord, KINDS } from "../../jobs/mod.ts";
import { json } from "../http/reply.ts";

/** Where the mask of a segmentation is. */
export function maskUrl(id: string): string {
  return `/v1/jobs/${id}/mask`;
}

/** A job's record, with the address of what it made. */
export function presentJob(job: JobRecord) {
  const { id, kind, result } = job;
  if (!result || !KINDS[kind].files.includes("mask")) return job;
  return { ...job, result: { ...result, maskUrl: maskUrl(id) } };
}

/** 202 for a job that was just made. */
export function jobReply(job: JobRecord): Response {
  const headers: Record<string, string> = { location: `/v1/jobs/${job.id}` };
  if (!KINDS[job.kind].trains) headers["preference-applied"] = "respond-async";
  return json(presentJob(job), { status: 202, headers });
}
