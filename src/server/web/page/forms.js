// @ts-check
// The forms that start jobs: segment or classify a case, fine-tune a model.

import { call, upload } from "./api.js";
import { byId, fillSelect, formById, h } from "./dom.js";
import { attempt, say, state } from "./state.js";
import { cases } from "./words.js";

const run = formById("run-form");
const train = formById("train-form");

export function refreshForms() {
  const { models, datasets } = state;
  const served = models.filter((m) => m.servedVersion !== null)
    .map(({ name, task }) => ({ value: name, label: `${name} (${task})`, task }));
  fillSelect(run.select("model"), served.filter((m) => m.task !== "encoder"), "no model is served");
  fillSelect(train.select("base"), served, "no model is served");
  fillSelect(
    train.select("dataset"),
    datasets.filter((d) => d.caseCount > 0).map((d) => ({ value: d.id, label: `${d.name}, ${cases(d.caseCount)}` })),
    "no data set has cases",
  );
}

run.select("model").addEventListener("change", async () => {
  const name = run.select("model").value;
  if (name === "") return byId("run-images").replaceChildren();
  const { manifest } = await call("GET /v1/models/{name}", { params: { name } });
  const inputs = manifest.modalities.map((m) =>
    h("label", {}, m, h("input", { type: "file", name: m, accept: ".nii,.gz" }))
  );
  byId("run-images").replaceChildren(...inputs);
  const hasTemplates = Object.keys(manifest.files).some((path) => path.startsWith("templates/"));
  byId("run-template").hidden = !hasTemplates;
  run.input("template").checked &&= hasTemplates;
});

run.form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = run.select("model").value;
  const task = state.models.find((m) => m.name === name)?.task;
  const form = new FormData();
  form.append("options", JSON.stringify({ missing: run.input("template").checked ? "template" : "error" }));
  for (const label of byId("run-images").children) {
    const input = label.querySelector("input");
    const file = input?.files?.[0];
    if (input && file) form.append(input.name, file, "volume"); // not the file's own name
  }
  if ([...form.keys()].length === 1) return say("Choose at least one volume.");
  const status = byId("run-status");
  const button = /** @type {HTMLButtonElement} */ (run.form.querySelector(".primary"));
  button.disabled = true;
  const operation = task === "classification" ? "POST /v1/models/{name}/classify" : "POST /v1/models/{name}/segment";
  const onProgress = (/** @type {number} */ share) => status.textContent = `Sending ${Math.round(share * 100)} %`;
  await attempt(() => upload(operation, { name, form, onProgress }), status);
  button.disabled = false;
});

/** The wish of the form: what is left empty is decided by the preset. */
function trainWish() {
  const steps = train.input("steps").value, minutes = train.input("minutes").value;
  const preset = /** @type {"auto" | "edge" | "paper" | "official"} */ (train.select("preset").value);
  return {
    dataset: train.select("dataset").value,
    base: { model: train.select("base").value },
    recipe: {
      preset,
      ...(steps && { steps: Number(steps) }),
      ...(preset === "auto" && minutes && { budgetMinutes: Number(minutes) }),
    },
    ...(train.input("skip").checked && { skip: /** @type {const} */ ("errors") }),
  };
}

train.form.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = { ...trainWish(), name: train.input("name").value };
  attempt(() => call("POST /v1/finetunes", { body }), byId("train-status"));
});

byId("train-plan").addEventListener("click", () =>
  attempt(async () => {
    const plan = await call("POST /v1/finetunes/plan", { body: trainWish() });
    const { seconds, peakBytes } = plan.expected;
    const time = seconds === null ? [] : [`${Math.ceil(seconds / 60)} minutes`];
    const taken = `Expected: ${[...time, `${(peakBytes / 1e9).toFixed(1)} GB of memory`].join(", ")}.`;
    byId("train-reasons").replaceChildren(...[taken, ...plan.reasons].map((text) => h("li", {}, text)));
    byId("train-reasons").hidden = false;
  }, byId("train-status")));
