// @ts-check
// The page: everything on it comes from the API, and is loaded again every few seconds and after every change.

import { call } from "./api.js";
import { refreshDatasets } from "./datasets.js";
import { badge, redraw } from "./dom.js";
import { refreshForms } from "./forms.js";
import { refreshJobs } from "./jobs.js";
import { refreshLogin } from "./login.js";
import { refreshModels } from "./models.js";
import { refreshService } from "./service.js";
import { onChanged, say, state } from "./state.js";

const REFRESH_MS = 5000;
/** So many of the newest jobs are shown. */
const JOBS = 20;

async function refresh() {
  if (!await refreshLogin()) return;
  const [{ models }, { jobs }, { datasets }] = await Promise.all([
    call("GET /v1/models"),
    call("GET /v1/jobs", { query: { limit: JOBS } }),
    call("GET /v1/datasets"),
  ]);
  Object.assign(state, { models, jobs, datasets });
  await refreshModels();
  refreshDatasets();
  refreshJobs();
  refreshForms();
}

async function tick() {
  try {
    await Promise.all([refreshService(), refresh()]);
  } catch {
    redraw("state", "unreachable", () => badge("unreachable"));
  }
  setTimeout(tick, REFRESH_MS);
}

onChanged(() => refresh().catch((error) => say(error.message)));
tick();
