// @ts-check
// Models: what they do, their versions, and the decisions about them.

/** @import { ModelSummary } from "./api.d.ts" */
import { address, call } from "./api.js";
import { badge, byId, column, formById, h, redraw, table, warningsOf } from "./dom.js";
import { attempt, state } from "./state.js";
import { scores } from "./words.js";

/** So many of a model's versions are shown with their scores. */
const DETAILED = 5;

/** Draws the models, and loads what versions hold that were not seen before. */
export async function refreshModels() {
  for (const { name, versions } of state.models) {
    for (const { version } of versions.slice(-DETAILED)) {
      const key = `${name}/${version}`;
      if (state.details.has(key)) continue;
      const operation = "GET /v1/models/{name}/versions/{version}";
      state.details.set(key, await call(operation, { params: { name, version } }).catch(() => null));
    }
  }
  redraw("model-list", [state.models, [...state.details.keys()]], drawModels);
}

function drawModels() {
  if (state.models.length === 0) {
    return h("p", { className: "dim" }, "There are no models yet.");
  }
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
        model.servedVersion !== null &&
          model.versions.some(({ state: word }) => word === "retired") &&
          h("div", {}, h("button", { onclick: () => decide({ name: model.name }) }, "Roll back…")),
      ),
    ]),
  );
}

/** @param {ModelSummary} model */
function aboutModel({ name, servedVersion, versions }) {
  const manifest = state.details.get(`${name}/${servedVersion ?? versions.at(-1)?.version}`)?.manifest;
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

/**
 * @param {ModelSummary} model
 * @param {ModelSummary["versions"][number]} version
 */
function versionLine({ name }, { version, state: word }) {
  const metrics = scores(state.details.get(`${name}/${version}`)?.metrics);
  const label = `${name}, version ${version}`;
  const href = address("/v1/models/{name}/versions/{version}/package", { name, version });
  return h(
    "div",
    { className: "version" },
    h("span", {}, `version ${version}`),
    badge(word),
    metrics && h("span", { className: "dim" }, metrics),
    word !== "served" &&
      h("button", { ariaLabel: `Approve ${label}`, onclick: () => decide({ name, version }) }, "Approve…"),
    h("a", { href, download: "", ariaLabel: `Download ${label}` }, "Download"),
    ...warningsAbout({ name, version }),
  );
}

/**
 * Why a version that was trained should not be used as it is.
 * @param {{ name: string, version: number }} of
 */
function warningsAbout({ name, version }) {
  return warningsOf(state.details.get(`${name}/${version}`)?.manifest.provenance.warnings ?? []);
}

/**
 * Asks who decides, then approves a version or, without one, rolls back.
 * @param {{ name: string, version?: number }} what
 */
function decide({ name, version }) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("decision"));
  const { form } = formById("decision-form");
  byId("decision-title").textContent = version ? `Approve ${name}, version ${version}` : `Roll ${name} back`;
  byId("decision-text").replaceChildren(
    ...version ? warningsAbout({ name, version }) : [],
    version
      ? "It will be served; the version served so far is retired, not deleted."
      : "The version that was served before is served again.",
  );
  dialog.onclose = async () => {
    if (dialog.returnValue !== "yes") return;
    const data = new FormData(form);
    const body = { approvedBy: String(data.get("approvedBy")), note: String(data.get("note")) || undefined };
    await attempt(() =>
      version
        ? call("POST /v1/models/{name}/versions/{version}/approve", { params: { name, version }, body })
        : call("POST /v1/models/{name}/rollback", { params: { name }, body })
    );
  };
  dialog.returnValue = "";
  dialog.showModal();
}
