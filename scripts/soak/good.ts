/** Clients that mean well: they segment, classify, upload, train, browse and delete. */
import { type Action, ask, type Client, formOf, jsonOf, pause, send } from "./client.ts";
import { DATASET } from "./load.ts";

const ASYNC = { prefer: "respond-async" } as const;
const POLL_MS = 1000;

export const segment: Action = async (client) => {
  const { model, images } = client.load.segment;
  await send(client, "segment", `/v1/models/${model}/segment`, { method: "POST", body: formOf(images) });
};

export const classify: Action = async (client) => {
  const { model, images } = client.load.classify;
  await send(client, "classify", `/v1/models/${model}/classify`, { method: "POST", body: formOf(images) });
};

/** A job that nobody waits for, whose end is asked for and whose mask is fetched; every fourth is cancelled. */
export const segmentLater: Action = async (client) => {
  const { load: { segment: { model, images } }, random } = client;
  const init = { method: "POST", body: formOf(images), headers: ASYNC };
  const job = await ask(client, "job", `/v1/models/${model}/segment`, init);
  if (job === null) return;
  if (random.integer(4) === 0) await send(client, "cancel", `/v1/jobs/${job.id}/cancel`, { method: "POST" });
  const state = await endOf(client, String(job.id));
  client.tally.count(`job ${state}`, 200);
  if (state === "succeeded") await send(client, "mask", `/v1/jobs/${job.id}/mask`);
};

/** A whole, small fine-tune; where one runs already, the service may say so. */
export const finetune: Action = async (client) => {
  const job = await ask(
    client,
    "finetune",
    "/v1/finetunes",
    jsonOf({ ...client.load.finetune, dataset: client.dataset }),
  );
  if (job === null) return;
  await listen(client, String(job.id));
  client.tally.count(`finetune ${await endOf(client, String(job.id))}`, 200);
};

/** A few events of a job, and gone. */
async function listen({ place, http }: Client, id: string): Promise<void> {
  const reply = await fetch(`${place.url}/v1/jobs/${id}/events`, { client: http }).catch(() => null);
  await pause(500);
  await reply?.body?.cancel().catch(() => {});
}

async function endOf(client: Client, id: string): Promise<string> {
  while (!client.over.aborted) {
    await pause(POLL_MS);
    const job = await ask(client, "job state", `/v1/jobs/${id}`);
    if (job !== null && job.state !== "queued" && job.state !== "running") return String(job.state);
  }
  return "open at the end";
}

/** Makes a data set file by file, and returns its id where every file was taken. */
export async function upload(client: Client): Promise<string | null> {
  const made = await ask(client, "dataset", "/v1/datasets", jsonOf(DATASET));
  if (made === null) return null;
  for (const [n, files] of client.load.cases.entries()) {
    for (const [name, body] of Object.entries(files)) {
      const path = `/v1/datasets/${made.id}/cases/case${n}/${name}`;
      if ((await send(client, "upload", path, { method: "PUT", body }))?.status !== 201) {
        await remove(client, String(made.id));
        return null;
      }
    }
  }
  return String(made.id);
}

async function remove(client: Client, id: string): Promise<void> {
  for (let reply; (reply = await send(client, "delete", `/v1/datasets/${id}`, { method: "DELETE" }))?.status !== 204;) {
    if (reply?.status === 404) return;
    await pause(POLL_MS); // away for a moment: nothing may be left
  }
}

export const dataset: Action = async (client) => {
  const id = await upload(client);
  if (id === null) return;
  await send(client, "read", `/v1/datasets/${id}`);
  await remove(client, id);
};

export const importArchive: Action = async (client) => {
  const init = { method: "POST", headers: { "content-type": "application/zip" }, body: client.load.archive };
  const made = await ask(client, "import", "/v1/datasets/import?name=soak", init);
  if (made !== null) await remove(client, String(made.id));
};

export const browse: Action = async (client) => {
  for (const path of ["/", "/v1/models", "/v1/jobs", "/v1/datasets", "/metrics", "/openapi.json", "/health/ready"]) {
    await send(client, "browse", path);
    await pause(client.random.integer(200));
  }
};

/** Cancels what still waits or runs, and waits until nothing does. */
export async function endJobs(client: Client): Promise<void> {
  for (;;) {
    const found = await ask(client, "settle", "/v1/jobs?limit=100");
    const jobs = (found?.jobs ?? []) as readonly { readonly id: string; readonly state: string }[];
    const open = jobs.filter(({ state }) => state === "queued" || state === "running");
    if (found !== null && open.length === 0) return;
    for (const { id } of open) await send(client, "settle", `/v1/jobs/${id}/cancel`, { method: "POST" });
    await pause(POLL_MS);
  }
}
