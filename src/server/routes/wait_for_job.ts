/**
 * Segments as a job and waits for it: the mask is then kept like that of any job, for the address in the reply. The
 * client's going away cancels it.
 */
import type { SegmentResult } from "../../inference/mod.ts";
import type { InferenceInput } from "../../jobs/mod.ts";
import { maskUrl } from "./job_reply.ts";
import { Problem, PROBLEM_CODES, type ProblemCode } from "../http/problems.ts";
import type { Services } from "../http/services.ts";

/** So many may wait, as for direct calls. */
const MAX_QUEUED = 8;

export interface Segmented {
  readonly model: string;
  readonly version: number;
  readonly maskUrl: string;
  readonly output: SegmentResult;
}

/** @throws {Problem} `busy`, or with the code with which the job failed */
export async function runToEnd({ jobs }: Services, input: InferenceInput, signal: AbortSignal): Promise<Segmented> {
  const queued = await jobs.list({ kind: "segment", state: "queued", limit: MAX_QUEUED });
  if (queued.length >= MAX_QUEUED) {
    throw new Problem("busy", `Cannot take the request now: ${queued.length} others are waiting`);
  }
  const { id } = await jobs.submitInference("segment", input);
  for await (const { type } of jobs.events(id, { signal })) if (type === "done") break;
  if (signal.aborted) {
    await jobs.cancel(id).catch(() => {}); // it may have ended just now
    throw new Problem("cancelled", "The request was given up by its client");
  }
  const { state, result, error } = await jobs.get(id);
  if (state === "succeeded" && result?.output && "windows" in result.output) {
    const { model, version, output } = result;
    return { model, version, maskUrl: maskUrl(id), output };
  }
  if (error) throw new Problem(codeOf(error.code), error.message);
  throw new Problem("cancelled", "The segmentation was cancelled");
}

function codeOf(code: string): ProblemCode {
  return PROBLEM_CODES.find((known) => known === code) ?? "internal";
}
