// @ts-check
// Jobs: how they stand, live while they run, and what they made.

/** @import { ClassifyOutput, Job, SegmentOutput } from "./api.d.ts" */
/** @import { Child } from "./dom.js" */
/** @import { Live, Progress } from "./state.js" */
import { address, call } from "./api.js";
import { lossCurve } from "./curve.js";
import { badge, byId, column, h, isShown, numbers, redraw, table, warningsOf } from "./dom.js";
import { attempt, changed, state } from "./state.js";
import { duration, number, qualityWords, scores, time } from "./words.js";

/** Pause between two drawings of a job that reports faster than people read. */
const DRAW_MS = 250;

export function refreshJobs() {
  redraw("job-list", state.jobs.map((job) => ({ ...job, progress: undefined })), drawJobs);
  for (const job of state.jobs) if (job.state === "running") follow(job);
}

function drawJobs() {
  if (state.jobs.length === 0) {
    return h("p", { className: "dim" }, "There are no jobs yet.");
  }
  return state.jobs.map(drawJob);
}

/** @type {Record<Job["kind"], { name: string, trains: boolean }>} */
const KINDS = {
  finetune: { name: "Fine-tune", trains: true },
  pretrain: { name: "Pre-training", trains: true },
  segment: { name: "Segmentation", trains: false },
  classify: { name: "Classification", trains: false },
};

/** @param {Job} job */
function drawJob(job) {
  const { id, kind, createdAt, result, error, validation } = job;
  return h(
    "article",
    { className: "job", id: `job-${id}` },
    h(
      "div",
      { className: "head" },
      h("strong", {}, KINDS[kind].name),
      badge(job.state),
      result && h("span", {}, `${result.model}, version ${result.version}`),
      h("span", { className: "dim" }, time(createdAt)),
      h("span", { className: "actions" }, ...actionsOf(job)),
    ),
    error && h("span", { className: "error" }, error.message),
    validation && h("span", {}, `Held-out patients: ${scores(validation)}`),
    ...warningsOf(result?.output?.warnings ?? result?.warnings ?? []),
    job.leftOut && h("span", { className: "dim" }, leftOutOf(job.leftOut)),
    result?.output && outputOf(result.output),
    h("div", { className: "live", id: `live-${id}` }, ...liveOf(job)),
  );
}

/** @param {Job} job */
const isOpen = ({ state: word }) => word === "queued" || word === "running";
/** @param {Job} job */
const isTraining = ({ kind }) => KINDS[kind].trains;

/**
 * The part of a job that changes with every step.
 * @param {Job} job
 */
function liveOf(job) {
  const progress = state.live.get(job.id)?.progress ?? job.progress;
  const beginning = job.state === "queued" ? "Waits for its turn" : "Reads and prepares the volumes";
  /** @type {Child[]} */
  const parts = [
    isOpen(job) && progress &&
    h("progress", { max: 1, value: progress.step / progress.steps, ariaLabel: "progress" }),
    isOpen(job) &&
    h("span", { className: "dim" }, progress ? progressText(job, progress) : beginning),
    isTraining(job) && curveOf(job),
  ];
  return parts.filter(isShown);
}

/** @param {Job} job */
function actionsOf(job) {
  const { id, result } = job;
  const cancel = () => attempt(() => call("POST /v1/jobs/{id}/cancel", { params: { id } }));
  return [
    job.state === "succeeded" && isTraining(job) &&
    h("a", { href: address("/v1/jobs/{id}/report", { id }), type: "text/html" }, "Report"),
    result?.maskUrl &&
    h("a", { href: result.maskUrl, download: "mask.nii.gz" }, "Download the mask"),
    isOpen(job) && h("button", { onclick: cancel }, "Cancel"),
  ];
}

/**
 * @param {Job} job
 * @param {Progress} progress
 */
function progressText(job, { phase, step, steps, loss, learningRate, etaSeconds = 0 }) {
  const parts = [`${phase ? `${phase}: ` : ""}${isTraining(job) ? "step" : "window"} ${step} of ${steps}`];
  if (loss !== undefined) parts.push(`loss ${number(loss, 4)}`);
  if (learningRate !== undefined) {
    parts.push(`learning rate ${learningRate.toExponential(1)}`);
  }
  if (etaSeconds > 0) parts.push(`${duration(etaSeconds)} left`);
  return parts.join(", ");
}

/** @param {NonNullable<Job["leftOut"]>} leftOut */
function leftOutOf(leftOut) {
  const shown = leftOut.slice(0, 5).map((c) => `${c.case} (${c.reason})`).join(", ");
  return `Left out: ${shown}${leftOut.length > 5 ? `, and ${leftOut.length - 5} more` : ""}`;
}

/** @param {SegmentOutput | ClassifyOutput} output */
function outputOf(output) {
  return h(
    "div",
    {},
    "labels" in output
      ? table(
        [column("Label"), numbers("Voxels"), numbers("mL")],
        output.labels.map((l) => [l.name, l.voxels, number(l.volumeMl)]),
      )
      : output.values
      ? table(
        [column("Quantity"), numbers("Value"), column("Unit")],
        output.values.map((v) => [v.label, number(v.value), v.unit ?? ""]),
      )
      : table([column("Class"), numbers("Probability")], output.classes.map((c) => [c.label, number(c.probability)])),
    "kind" in output && output.kind === "independent" &&
      h("div", { className: "dim" }, "Each class may hold beside others: the probabilities need not add up to 1."),
    "quality" in output && output.quality && h("p", {}, qualityWords(output.quality)),
    "quality" in output && output.quality &&
      h("p", { className: "dim" }, output.quality.reasons.join(" ")),
    h("span", { className: "dim" }, `Ran on ${output.provider}.`),
  );
}

/**
 * The loss curve: at once while a job runs, on request afterwards.
 * @param {Job} job
 */
function curveOf(job) {
  const live = state.live.get(job.id);
  if (live) {
    return live.points.length > 1 && h("figure", {}, lossCurve(live.points));
  }
  if (!job.startedAt) return null;
  const details = h("details", {}, h("summary", {}, "Loss curve"));
  details.addEventListener("toggle", () => details.open && follow(job), { once: true });
  return details;
}

/**
 * Listens to a job until it ends.
 * @param {Job} job
 */
function follow({ id }) {
  if (state.live.has(id)) return;
  /** @type {Live} */
  const live = { points: [], progress: undefined };
  state.live.set(id, live);
  const source = new EventSource(address("/v1/jobs/{id}/events", { id }));
  let pending = false;
  const draw = () => {
    pending = false;
    const job = state.jobs.find((j) => j.id === id);
    // Only this part: a button that is replaced while it is pressed does nothing.
    if (job && document.getElementById(`live-${id}`)) {
      byId(`live-${id}`).replaceChildren(...liveOf(job));
    }
  };
  source.addEventListener("progress", ({ data }) => {
    /** @type {Progress} */
    const progress = JSON.parse(data);
    live.progress = progress;
    if (progress.loss !== undefined) live.points.push(progress);
    if (!pending) setTimeout(draw, DRAW_MS);
    pending = true;
  });
  source.addEventListener("done", () => {
    source.close();
    changed();
  });
}
