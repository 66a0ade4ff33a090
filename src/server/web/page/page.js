// The page's behaviour. It only calls the API of the server it came from, and writes text, never HTML.

const REFRESH_MS = 5000;
const byId = (id) => document.getElementById(id);
const state = { models: [], jobs: [], datasets: [], details: new Map(), live: new Map() };

/** An element: properties, then children (texts or elements). */
function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The same for SVG, where everything is an attribute. */
function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

async function api(path, { method = "GET", body, headers = {} } = {}) {
  const isJson = body !== undefined && !(body instanceof Blob);
  const reply = await fetch(path, {
    method,
    headers: { accept: "application/json", ...(isJson && { "content-type": "application/json" }), ...headers },
    body: isJson ? JSON.stringify(body) : body,
  });
  const isText = (reply.headers.get("content-type") ?? "").includes("json");
  const value = isText ? await reply.json() : undefined;
  if (!reply.ok) throw new Error(value?.detail ?? `The server answered ${reply.status}`);
  return value;
}

function say(text) {
  byId("notice").hidden = text === "";
  byId("notice").textContent = text;
}

const BADGES = {
  ready: "good",
  served: "good",
  succeeded: "good",
  ok: "good",
  failed: "bad",
  warning: "busy",
  "not-ready": "bad",
  running: "busy",
  queued: "busy",
  candidate: "busy",
  pending: "busy",
};
const badge = (word) => h("span", { className: `badge ${BADGES[word] ?? ""}` }, word);
const number = (value, digits = 3) => value === null || value === undefined ? "–" : Number(value).toFixed(digits);
const METRICS = {
  dice: (value) => `Dice ${number(value)}`,
  pooledDice: (value) => `pooled Dice ${number(value)}`,
  hd95Mm: (value) => `HD95 ${number(value, 1)} mm`,
  accuracy: (value) => `accuracy ${number(value)}`,
  auc: (value) => `AUC ${number(value)}`,
  macroF1: (value) => `macro F1 ${number(value)}`,
};
const scores = (metrics) =>
  Object.entries(metrics ?? {}).map(([key, value]) => METRICS[key]?.(value) ?? `${key} ${number(value)}`).join(", ");
const time = (iso) => new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

function table(heads, rows) {
  const cells = (kind, row) =>
    row.map((cell, i) =>
      h(
        kind,
        { className: heads[i].number ? "number" : "", "data-title": heads[i].title },
        cell instanceof Node ? cell : String(cell),
      )
    );
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...cells("th", heads.map((head) => head.title)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...cells("td", row)))),
  );
}
const column = (title) => ({ title });
const numbers = (title) => ({ title, number: true });

/** Replaces an element's content, unless it is the same as what was drawn last. */
const drawn = new Map();
function redraw(id, value, draw) {
  const key = JSON.stringify(value);
  if (drawn.get(id) === key) return;
  drawn.set(id, key);
  const content = draw();
  byId(id).replaceChildren(...(Array.isArray(content) ? content : [content]));
}

function fillSelect(select, options, empty) {
  const key = JSON.stringify(options);
  if (select.dataset.key === key) return;
  const chosen = select.value;
  select.dataset.key = key;
  select.replaceChildren(...options.map(({ value, label }) => h("option", { value }, label)));
  if (options.length === 0) select.append(h("option", { value: "" }, empty));
  if (options.some((o) => o.value === chosen)) select.value = chosen;
  select.disabled = options.length === 0;
  select.dispatchEvent(new Event("change"));
}

// Service

async function refreshService() {
  const { status, checks } = await api("/health/ready").catch(() => fetch("/health/ready").then((r) => r.json()));
  redraw("state", status, () => badge(status));
  const version = state.version ??= await api("/version");
  if (version.devices.length === 0) delete state.version; // still being probed
  redraw("service-facts", [checks, version], () => [
    h(
      "p",
      {},
      `${version.name} ${version.version}, commit ${version.commit}, ONNX Runtime ${version.onnxruntime}, Deno ${version.deno}`,
    ),
    h(
      "p",
      { className: "checks" },
      ...Object.entries(checks).map(([name, word]) => h("span", {}, `${name} `, badge(word))),
    ),
    h(
      "div",
      { className: "scroll" },
      table(
        [column("Device"), column("Name"), column("State"), column("Why")],
        version.devices.map((d) => [d.provider, d.name, badge(d.state), d.reason ?? ""]),
      ),
    ),
  ]);
}

// Models

function drawModels() {
  if (state.models.length === 0) return h("p", { className: "dim" }, "There are no models yet.");
  return table(
    [column("Model"), column("For"), column("Takes and finds"), column("Versions")],
    state.models.map((model) => [
      h("strong", {}, model.name),
      model.task,
      aboutModel(model),
      h(
        "div",
        { className: "versions" },
        ...model.versions.toReversed().map((version) => versionLine(model, version)),
        model.servedVersion !== null && model.versions.some(({ state: word }) => word === "retired") &&
          h("div", {}, h("button", { onclick: () => decide({ model: model.name }) }, "Roll back…")),
      ),
    ]),
  );
}

function aboutModel({ name, servedVersion, versions }) {
  const manifest = state.details.get(`${name}/${servedVersion ?? versions.at(-1).version}`)?.manifest;
  if (!manifest) return "";
  const { modalities, labels, classes, intendedUse } = manifest;
  const found = [...labels.map((l) => l.name), ...classes].join(", ");
  return h(
    "div",
    {},
    modalities.join(", ") + (found && ` → ${found}`),
    h("div", { className: "dim note" }, intendedUse),
  );
}

function versionLine({ name }, { version, state: word }) {
  const metrics = scores(state.details.get(`${name}/${version}`)?.metrics);
  const label = `${name}, version ${version}`;
  const address = `/v1/models/${encodeURIComponent(name)}/versions/${version}/package`;
  return h(
    "div",
    { className: "version" },
    h("span", {}, `version ${version}`),
    badge(word),
    metrics && h("span", { className: "dim" }, metrics),
    word !== "served" &&
      h("button", { ariaLabel: `Approve ${label}`, onclick: () => decide({ model: name, version }) }, "Approve…"),
    h("a", { href: address, download: "", ariaLabel: `Download ${label}` }, "Download"),
  );
}

/** Asks who decides, then approves a version or rolls back. */
function decide({ model, version }) {
  const dialog = byId("decision");
  const form = dialog.querySelector("form");
  byId("decision-title").textContent = version ? `Approve ${model}, version ${version}` : `Roll ${model} back`;
  byId("decision-text").textContent = version
    ? "It will be served; the version served so far is retired, not deleted."
    : "The version that was served before is served again.";
  dialog.onclose = async () => {
    if (dialog.returnValue !== "yes") return;
    const { approvedBy, note } = Object.fromEntries(new FormData(form));
    const path = version ? `versions/${version}/approve` : "rollback";
    await attempt(() =>
      api(`/v1/models/${encodeURIComponent(model)}/${path}`, {
        method: "POST",
        body: { approvedBy, note: note || undefined },
      })
    );
  };
  dialog.returnValue = "";
  dialog.showModal();
}

async function attempt(work, status) {
  say("");
  try {
    if (status) status.textContent = "Sending…";
    const value = await work();
    if (status) status.textContent = "";
    await refresh();
    return value;
  } catch (error) {
    if (status) status.textContent = "";
    say(error.message);
  }
}

async function loadDetails() {
  for (const { name, versions } of state.models) {
    for (const { version } of versions.slice(-5)) {
      const key = `${name}/${version}`;
      if (state.details.has(key)) continue;
      state.details.set(key, await api(`/v1/models/${encodeURIComponent(name)}/versions/${version}`).catch(() => null));
    }
  }
}

// Data sets

function drawDatasets() {
  if (state.datasets.length === 0) return h("p", { className: "dim" }, "There are no data sets yet.");
  return table(
    [
      column("Data set"),
      column("For"),
      column("Modalities"),
      column("Labels or classes"),
      numbers("Cases"),
      column("Made"),
      column(""),
    ],
    state.datasets.map((d) => [
      h("strong", {}, d.name),
      d.task,
      d.modalities.join(", "),
      (d.task === "segmentation" ? d.labels.map((l) => l.name) : d.classes).join(", "),
      d.caseCount,
      time(d.createdAt),
      h("button", { ariaLabel: `Delete ${d.name}`, onclick: () => deleteDataset(d) }, "Delete…"),
    ]),
  );
}

function deleteDataset({ id, name, caseCount }) {
  const many = caseCount === 1 ? "its case" : `its ${caseCount} cases`;
  if (confirm(`Delete the data set ${name} with ${many}? This cannot be undone.`)) {
    attempt(() => api(`/v1/datasets/${id}`, { method: "DELETE" }));
  }
}

// Jobs

function drawJobs() {
  if (state.jobs.length === 0) return h("p", { className: "dim" }, "There are no jobs yet.");
  return state.jobs.map(drawJob);
}

function drawJob(job) {
  const { id, kind, createdAt, result, error, validation } = job;
  const isOpen = job.state === "queued" || job.state === "running";
  const names = {
    finetune: "Fine-tune",
    pretrain: "Pre-training",
    segment: "Segmentation",
    classify: "Classification",
  };
  return h(
    "article",
    { className: "job", id: `job-${id}` },
    h(
      "div",
      { className: "head" },
      h("strong", {}, names[kind]),
      badge(job.state),
      result && h("span", {}, `${result.model}, version ${result.version}`),
      h("span", { className: "dim" }, time(createdAt)),
      h("span", { className: "actions" }, ...jobActions(job, isOpen)),
    ),
    error && h("span", { className: "error" }, error.message),
    validation && h("span", {}, `Held-out patients: ${scores(validation)}`),
    result?.output && outputOf(result.output),
    h("div", { className: "live", id: `live-${id}` }, ...liveOf(job, isOpen)),
  );
}

const BEGINNING = { queued: "Waits for its turn", running: "Reads and prepares the volumes" };

/** The part of a job that changes with every step. */
function liveOf(job, isOpen) {
  const progress = state.live.get(job.id)?.progress ?? job.progress;
  const parts = [
    isOpen && progress && h("progress", { max: 1, value: progress.step / progress.steps, ariaLabel: "progress" }),
    isOpen && h("span", { className: "dim" }, progress ? progressText(job.kind, progress) : BEGINNING[job.state]),
    isTraining(job.kind) && curveOf(job),
  ];
  return parts.filter(Boolean);
}

const isTraining = (kind) => kind === "finetune" || kind === "pretrain";

function jobActions({ id, kind, state: word, result }, isOpen) {
  return [
    word === "succeeded" && isTraining(kind) &&
    h("a", { href: `/v1/jobs/${id}/report`, type: "text/html" }, "Report"),
    result?.maskUrl && h("a", { href: result.maskUrl, download: "mask.nii.gz" }, "Download the mask"),
    isOpen &&
    h("button", { onclick: () => attempt(() => api(`/v1/jobs/${id}/cancel`, { method: "POST" })) }, "Cancel"),
  ];
}

function progressText(kind, { phase, step, steps, loss, learningRate, etaSeconds }) {
  const parts = [`${phase ? `${phase}: ` : ""}${isTraining(kind) ? "step" : "window"} ${step} of ${steps}`];
  if (loss !== undefined) parts.push(`loss ${number(loss, 4)}`);
  if (learningRate !== undefined) parts.push(`learning rate ${learningRate.toExponential(1)}`);
  if (etaSeconds > 0) parts.push(`${duration(etaSeconds)} left`);
  return parts.join(", ");
}

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function outputOf({ labels, classes, warnings, provider }) {
  return h(
    "div",
    {},
    labels
      ? table(
        [column("Label"), numbers("Voxels"), numbers("mL")],
        labels.map((l) => [l.name, l.voxels, number(l.volumeMl)]),
      )
      : table([column("Class"), numbers("Probability")], classes.map((c) => [c.label, number(c.probability)])),
    h("span", { className: "dim" }, `Ran on ${provider}.`),
    ...warnings.map((w) => h("div", {}, badge("warning"), ` ${w.detail}`)),
  );
}

/** The loss curve: at once while a job runs, on request afterwards. */
function curveOf(job) {
  const live = state.live.get(job.id);
  if (live) return live.points.length > 1 && h("figure", {}, lossCurve(live.points));
  if (!job.startedAt) return null;
  const details = h("details", {}, h("summary", {}, "Loss curve"));
  details.addEventListener("toggle", () => details.open && follow(job), { once: true });
  return details;
}

/** Loss over steps; a line for each phase of the training, the last one in colour. */
function lossCurve(points) {
  const [width, height, left, right, top, bottom] = [640, 190, 46, 10, 10, 24];
  const losses = points.map((p) => p.loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const steps = Math.max(...points.map((p) => p.steps));
  const x = (step) => left + (width - left - right) * step / steps;
  const y = (loss) => top + (height - top - bottom) * (high - loss) / Math.max(high - low, 1e-9);
  const phases = [...new Set(points.map((p) => p.phase))];
  const lines = phases.map((phase, i) =>
    svg("polyline", {
      class: i === phases.length - 1 ? "curve" : "curve former",
      points: points.filter((p) => p.phase === phase).map((p) => `${x(p.step).toFixed(1)},${y(p.loss).toFixed(1)}`)
        .join(" "),
    })
  );
  const text = (px, py, anchor, content) => svg("text", { x: px, y: py, "text-anchor": anchor }, content);
  const last = points[points.length - 1];
  const label = `Loss ${number(last.loss, 4)} at step ${last.step} of ${last.steps}`;
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    svg("rect", { class: "frame", x: left, y: top, width: width - left - right, height: height - top - bottom, rx: 4 }),
    text(left - 6, top + 10, "end", number(high)),
    text(left - 6, height - bottom, "end", number(low)),
    text(left, height - 8, "start", `loss, ${phases[phases.length - 1] ?? "training"}`),
    text(width - right, height - 8, "end", `step ${steps}`),
    ...lines,
  );
}

/** Listens to a job until it ends. */
function follow({ id }) {
  if (state.live.has(id)) return;
  const live = { points: [], progress: undefined };
  state.live.set(id, live);
  const source = new EventSource(`/v1/jobs/${id}/events`);
  let pending = false;
  const draw = () => {
    pending = false;
    const job = state.jobs.find((j) => j.id === id);
    // Only this part: a button that is replaced while it is pressed does nothing.
    if (job) byId(`live-${id}`)?.replaceChildren(...liveOf(job, true));
  };
  source.addEventListener("progress", ({ data }) => {
    live.progress = JSON.parse(data);
    if (live.progress.loss !== undefined) live.points.push(live.progress);
    if (!pending) setTimeout(draw, 250);
    pending = true;
  });
  source.addEventListener("done", () => {
    source.close();
    refresh();
  });
}

// Forms

byId("run-form").elements.model.addEventListener("change", async ({ target }) => {
  if (target.value === "") return byId("run-images").replaceChildren();
  const { manifest } = await api(`/v1/models/${encodeURIComponent(target.value)}`);
  const inputs = manifest.modalities.map((m) =>
    h("label", {}, m, h("input", { type: "file", name: m, accept: ".nii,.gz" }))
  );
  byId("run-images").replaceChildren(...inputs);
  const hasTemplates = Object.keys(manifest.files).some((path) => path.startsWith("templates/"));
  byId("run-template").hidden = !hasTemplates;
  byId("run-form").elements.template.checked &&= hasTemplates;
});

byId("run-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const { task, name } = state.models.find((m) => m.name === form.elements.model.value) ?? {};
  const data = new FormData();
  data.append("options", JSON.stringify({ missing: form.elements.template.checked ? "template" : "error" }));
  for (const input of form.querySelectorAll("#run-images input")) {
    if (input.files[0]) data.append(input.name, input.files[0], "volume"); // not the file's own name
  }
  if ([...data.keys()].length === 1) return say("Choose at least one volume.");
  const status = byId("run-status");
  const path = `/v1/models/${encodeURIComponent(name)}/${task === "classification" ? "classify" : "segment"}`;
  const button = form.querySelector(".primary");
  button.disabled = true;
  await attempt(
    () => upload(path, data, (share) => status.textContent = `Sending ${Math.round(share * 100)} %`),
    status,
  );
  button.disabled = false;
});

/** Posts a form as a job and tells how much of it was sent, which `fetch` cannot. */
function upload(path, data, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("prefer", "respond-async");
    request.setRequestHeader("accept", "application/json");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.onload = () =>
      request.status < 300
        ? resolve(request.response)
        : reject(new Error(request.response?.detail ?? "It was refused"));
    request.onerror = () => reject(new Error("The server cannot be reached"));
    request.send(data);
  });
}

byId("train-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { dataset, base, name, preset, steps } = Object.fromEntries(new FormData(event.target));
  const recipe = { preset, ...(steps && { steps: Number(steps) }) };
  attempt(
    () => api("/v1/finetunes", { method: "POST", body: { dataset, base: { model: base }, name, recipe } }),
    byId("train-status"),
  );
});

byId("import-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const archive = event.target.elements.archive.files[0];
  const body = new Blob([archive], { type: "application/zip" });
  attempt(() => api("/v1/datasets/import", { method: "POST", body }), byId("import-status"));
});

// All of it

async function refresh() {
  const [{ models }, { jobs }, { datasets }] = await Promise.all([
    api("/v1/models"),
    api("/v1/jobs?limit=20"),
    api("/v1/datasets"),
  ]);
  Object.assign(state, { models, jobs, datasets });
  await loadDetails();
  redraw("model-list", [models, [...state.details.keys()]], drawModels);
  redraw("dataset-list", datasets, drawDatasets);
  redraw("job-list", jobs.map((job) => ({ ...job, progress: undefined })), drawJobs);
  for (const job of jobs) if (job.state === "running") follow(job);
  const served = models.filter((m) => m.servedVersion !== null);
  const asOption = ({ name, task }) => ({ value: name, label: `${name} (${task})` });
  fillSelect(
    byId("run-form").elements.model,
    served.filter((m) => m.task !== "encoder").map(asOption),
    "no model is served",
  );
  fillSelect(byId("train-form").elements.base, served.map(asOption), "no model is served");
  fillSelect(
    byId("train-form").elements.dataset,
    datasets.filter((d) => d.caseCount > 0).map((d) => ({ value: d.id, label: `${d.name}, ${d.caseCount} cases` })),
    "no data set has cases",
  );
}

async function tick() {
  try {
    await Promise.all([refreshService(), refresh()]);
  } catch {
    redraw("state", "unreachable", () => badge("unreachable"));
  }
  setTimeout(tick, REFRESH_MS);
}
tick();
