/** The thread behind {@link DrawThread}: reads prepared cases and draws crops of them, one after the other. */
import { answerTasks } from "../../../process/mod.ts";
import type { Sample } from "../augment.ts";
import { CaseCache } from "../case_cache.ts";
import { readCase } from "../case_file.ts";
import { type CaseVolumes, type StoredHeader, unpacked } from "../labelled_case.ts";
import { drawCrop, type DrawPlan } from "./draw_plan.ts";
import type { CaseFiles, DrawReply, DrawTask } from "./draw_thread.ts";

class MissingCase extends Error {
  override readonly name = "MissingCase";
}

function casesOf({ paths, classTargets, cacheBytes }: CaseFiles): CaseCache<CaseVolumes> {
  return new CaseCache(async (i) => {
    const stored = await readCase<StoredHeader>(paths[i]);
    if (stored === null) {
      throw new MissingCase(`Cannot draw a crop of case ${i + 1}: its prepared file is gone or damaged`);
    }
    return unpacked(stored, classTargets[i]);
  }, cacheBytes);
}

let plan: DrawPlan, cases: CaseCache<CaseVolumes>;
let last: Promise<unknown> = Promise.resolve();

answerTasks(async (task: DrawTask): Promise<DrawReply> => {
  if ("plan" in task) {
    plan = task.plan;
    cases = casesOf(task.files);
    return { isReady: true };
  }
  if ("hard" in task) {
    plan = { ...plan, hard: task.hard };
    return { isReady: true };
  }
  const { id } = task;
  // one at a time: crops that wait for the same case read it once
  const own = plan, turn = last.then(() => drawCrop(own, task, (i) => cases.get(i)));
  last = turn.catch(() => {});
  try {
    return { id, sample: await turn };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { id, failed: { message, isMissingCase: error instanceof MissingCase } };
  }
}, (reply) => ("sample" in reply ? buffersOf(reply.sample) : []));

/** The memory of the views, which moves to the other thread; the target is copied, for a class's row is the case's own. */
function buffersOf({ views }: Sample): ArrayBuffer[] {
  return views.flatMap(({ buffer }) => buffer instanceof ArrayBuffer ? [buffer] : []);
}
