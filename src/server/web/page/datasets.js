// @ts-check
// Data sets: what they hold, import and deletion.

/** @import { DatasetSummary } from "./api.d.ts" */
import { call } from "./api.js";
import { badge, byId, column, formById, h, numbers, redraw, table } from "./dom.js";
import { attempt, state } from "./state.js";
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
      h("div", {}, h("strong", {}, d.name), checksOf(d)),
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
 * Faults of the cases and doubts about them, asked for each time they are opened.
 * @param {DatasetSummary} dataset
 */
function checksOf({ id }) {
  const summary = h("summary", {}, "Checks");
  const details = h("details", {}, summary);
  const show = async () => {
    const { checks } = await call("GET /v1/datasets/{id}", { params: { id } });
    const lines = checks.map(({ code, severity, detail, ...of }) =>
      h("div", { title: code }, badge(severity), ` ${of.case}: ${detail}`)
    );
    details.replaceChildren(summary, ...(lines.length > 0 ? lines : ["There is nothing to report."]));
  };
  details.addEventListener("toggle", () => details.open && attempt(show));
  return details;
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
  attempt(() => call("POST /v1/datasets/import", { body }), byId("import-status"));
});
