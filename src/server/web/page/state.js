// @ts-check
// The data that the page shows, and the changes that its user makes.

/** @import { DatasetSummary, Job, ModelSummary, ModelVersion } from "./api.d.ts" */
import { byId } from "./dom.js";

/** @typedef {NonNullable<Job["progress"]>} Progress */
/** @typedef {{ points: Progress[], progress: Progress | undefined }} Live The events of a job so far. */

export const state = {
  /** @type {ModelSummary[]} */
  models: [],
  /** @type {Job[]} */
  jobs: [],
  /** @type {DatasetSummary[]} */
  datasets: [],
  /** @type {Map<string, ModelVersion | null>} `name/version` → the version; null where it cannot be read */
  details: new Map(),
  /** @type {Map<string, Live>} id → job */
  live: new Map(),
};

const CHANGED = "sulcus:changed";

/** Asks for everything to be loaded again. */
export function changed() {
  document.dispatchEvent(new Event(CHANGED));
}

/** @param {() => void} load */
export function onChanged(load) {
  document.addEventListener(CHANGED, load);
}

/** @param {string} text */
export function say(text) {
  byId("notice").hidden = text === "";
  byId("notice").textContent = text;
}

/**
 * Does what the user asked for, and says why where it fails.
 * @param {() => Promise<unknown>} work
 * @param {HTMLElement} [status] shows that it is under way
 */
export async function attempt(work, status) {
  say("");
  if (status) status.textContent = "Sending…";
  try {
    await work();
    changed();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
  if (status) status.textContent = "";
}
