// @ts-check
// Data sets: what they hold, import and deletion.

/** @import { Dataset, DatasetSummary } from "./api.d.ts" */
import { call } from "./api.js";
import { badge, byId, column, formById, h, numbers, redraw, table } from "./dom.js";
import { attempt, say, state } from "./state.js";
import { cases, time } from "./words.js";

export function refreshDatasets() {
  redraw("dataset-list", state.datasets, drawDatasets);
}

function drawDatasets() {
  if (state.datasets.length === 0) {
    return h("p", { className: "dim" }, "There are no data sets yet.");
  }
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
      h("div", {}, h("strong", {}, d.name), casesOf(d)),
      d.task,
      d.modalities.join(", "),
      (d.task === "segmentation" ? d.labels.map((l) => l.name) : d.classes)
        .join(", "),
      d.caseCount,
      time(d.createdAt),
      h("button", { ariaLabel: `Delete ${d.name}`, onclick: () => deleteDataset(d) }, "Delete…"),
    ]),
  );
}

/**
 * Patients, faults of the cases and doubts about them, asked for each time they are opened.
 * @param {DatasetSummary} dataset
 */
function casesOf({ id }) {
  const summary = h("summary", {}, "Checks");
  const details = h("details", {}, summary);
  const show = async () => {
    const dataset = await call("GET /v1/datasets/{id}", { params: { id } });
    details.replaceChildren(summary, ...linesOf(dataset, (work) => attempt(async () => (await work(), await show()))));
  };
  details.addEventListener("toggle", () => details.open && attempt(show));
  return details;
}

/**
 * @param {Dataset} dataset
 * @param {(work: () => Promise<unknown>) => void} change does what the user asked for, and shows the data set again
 */
function linesOf({ id, cases: all, checks, patients }, change) {
  /** @param {string} name */
  const exclude = (name, /** @type {string | null} */ excluded) => () =>
    change(() => call("POST /v1/datasets/{id}/cases", { params: { id }, body: { cases: [{ case: name, excluded }] } }));
  const remove = (/** @type {string} */ name) => () => {
    if (!confirm(`Delete the case ${name} with its files? This cannot be undone.`)) return;
    change(() => call("DELETE /v1/datasets/{id}/cases/{case}", { params: { id, case: name } }));
  };
  const button = (/** @type {string} */ text, /** @type {string} */ name, /** @type {() => void} */ onclick) =>
    h("button", { ariaLabel: `${text} ${name}`, onclick }, text);
  const faults = checks.map(({ code, severity, detail, case: name }) =>
    h(
      "div",
      { title: code },
      badge(severity),
      ` ${name}: ${detail} `,
      button("Leave out", name, exclude(name, detail.slice(0, 500))),
      button("Delete…", name, remove(name)),
    )
  );
  const leftOut = all.flatMap(({ case: name, excluded }) =>
    excluded === undefined
      ? []
      : [h("div", {}, `${name} is left out: ${excluded} `, button("Take again", name, exclude(name, null)))]
  );
  return [
    h("div", { className: "dim" }, patientsOf(patients)),
    ...(faults.length > 0 ? faults : [h("div", {}, "There is nothing to report.")]),
    ...leftOut,
  ];
}

/** @param {Dataset["patients"]} patients */
function patientsOf({ count, named, rule, caseName }) {
  const found = [named > 0 && `${named} cases name theirs`, rule > 0 && `${rule} by a rule`];
  const byName = caseName > 0 && `${caseName} by the case's name`;
  return [`Patients: ${count}`, ...found, byName].filter((text) => text !== false).join(", ");
}

/** @param {DatasetSummary} dataset */
function deleteDataset({ id, name, caseCount }) {
  if (confirm(`Delete the data set ${name} with ${cases(caseCount)}? This cannot be undone.`)) {
    attempt(() => call("DELETE /v1/datasets/{id}", { params: { id } }));
  }
}

const { form, input } = formById("import-form");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const [archive] = input("archive").files ?? [];
  const body = new Blob([archive], { type: "application/zip" });
  const channels = input("channels").value;
  const query = {
    ...(channels && { channels }),
    ...(input("skip").checked && { skip: /** @type {const} */ ("errors") }),
  };
  attempt(async () => {
    const { leftOut, ignoredFiles, ignored, notes } = await call("POST /v1/datasets/import", { body, query });
    const more = ignoredFiles > ignored.length ? ` and ${ignoredFiles - ignored.length} more` : "";
    const unused = ignoredFiles > 0 && `Files that were not used: ${ignored.join(", ")}${more}.`;
    const cases = leftOut.map((c) => `Left out: ${c.case} (${c.reason}).`);
    say([unused, ...cases, ...notes.map((note) => `Note: ${note}.`)].filter((text) => text !== false).join(" "));
  }, byId("import-status"));
});
