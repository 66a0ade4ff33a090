/** Real patients, which are no part of the repository: tests that need them skip where they are absent. */
import { existsSync } from "node:fs";

export const DATA = "../shared/data";

/** Ends the name of a test that needs the data; empty where they are there. */
export const SKIPPED = existsSync(DATA) ? "" : " (skipped: ../shared/data is absent)";
