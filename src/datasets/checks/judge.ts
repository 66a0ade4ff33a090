/**
 * The checks of a data set's cases, off the server's thread: those of a thousand cases take seconds. What was recorded of
 * their files passes as text, which costs the server nothing.
 */
import { inThread } from "../../process/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import type { LeftOut } from "../../train/mod.ts";
import type { CaseCheck, Role, Skip } from "../types.ts";
import type { CaseContent, CheckedCase, CheckedSpec } from "./checks.ts";
import { leaveOut } from "./leave_out.ts";

export interface Verdict {
  readonly leftOut: readonly LeftOut[];
  /** Of the cases that are left. */
  readonly checks: readonly CaseCheck[];
}

export interface JudgeTask {
  readonly spec: CheckedSpec;
  readonly skip?: Skip;
  readonly cases: readonly (Omit<CaseContent, "files"> & { readonly roles: readonly Role[] })[];
  /** A `FileInfo` in JSON for each role of each case, in their order. */
  readonly infos: readonly string[];
}
export type JudgeReply = { readonly verdict: Verdict } | { readonly refused: string } | { readonly failed: true };

/** Fewer cases are checked in the time that a thread takes to start. */
const FEW = 8;

/** @throws {DomainError} `invalid-request` `skip` names a case that there is not */
export async function judge(task: JudgeTask): Promise<Verdict> {
  const reply = task.cases.length <= FEW ? judgeHere(task) : await inThread<JudgeTask, JudgeReply>(
    import.meta.resolve("./_judge_worker.ts"),
    { task, failed: { failed: true } },
  );
  if ("verdict" in reply) return reply.verdict;
  throw "refused" in reply
    ? new DomainError("invalid-request", reply.refused)
    : new DomainError("internal", "Cannot check a data set: the checking thread failed");
}

/** {@link judge} in the calling thread. */
export function judgeHere({ spec, skip, cases, infos }: JudgeTask): JudgeReply {
  let at = 0;
  const all = cases.map(({ roles, ...rest }): CheckedCase => ({
    ...rest,
    files: new Map(roles.map((role) => [role, { info: JSON.parse(infos[at++]) }])),
  }));
  try {
    const { leftOut, checks } = leaveOut(all, spec, skip);
    return { verdict: { leftOut, checks } };
  } catch (error) {
    if (error instanceof DomainError && error.code === "invalid-request") return { refused: error.message };
    throw error;
  }
}
