/** A service with fake tasks in this process, and a data set in it whose names hold a canary. */
import assert from "node:assert/strict";
import { tinyNifti } from "../../datasets/testing/cases.ts";
import { startServer } from "../../server/mod.ts";
import { FAKE_TASKS } from "../../server/testing/server.ts";

export const CANARY = "DOE^JANE^CANARY";
export const SPEC = {
  name: `Cases of ${CANARY}`,
  task: "segmentation",
  modalities: ["t1"],
  labels: [{ name: "lesion", values: [1] }],
};

export const serving = (data: string) =>
  startServer({ port: 0, data, models: `${data}/none`, provider: "cpu", tasksModule: FAKE_TASKS, log: () => {} });

export async function answer(reply: Promise<Response>): Promise<Record<string, unknown>> {
  const { status, ok } = await reply, text = await (await reply).text();
  assert.ok(ok, `${status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}

/** A data set whose names, notes and file hold a canary. */
export async function fill(url: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  const { id } = await answer(fetch(`${url}/v1/datasets`, { method: "POST", headers, body: JSON.stringify(SPEC) }));
  const body = await tinyNifti();
  const place = `${url}/v1/datasets/${id}/cases/${encodeURIComponent(CANARY)}`;
  await answer(fetch(`${place}/t1`, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body }));
  const cases = [{ case: CANARY, patient: `${CANARY} patient`, excluded: `${CANARY} moved` }];
  const changes = { method: "POST", headers, body: JSON.stringify({ cases }) };
  await answer(fetch(`${url}/v1/datasets/${id}/cases`, changes));
  return id as string;
}
