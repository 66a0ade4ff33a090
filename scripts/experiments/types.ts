/** An experiment: a plan of rows whose numbers come from runs, and the record of the rows that are done. */
import type { Machine, Run } from "./runs/runs.ts";

export interface Metric {
  readonly key: string;
  readonly name: string;
  readonly better: "higher" | "lower";
  readonly digits: number;
}

/** One line of an experiment's table for one seed. */
export interface PlannedRow {
  readonly variant: string;
  /** The place on the experiment's axis, such as a share of the patients or a patient; "" without an axis. */
  readonly at: string;
  readonly seed: number;
  readonly runs: readonly Run[];
  /** The row's numbers from the results of `runs`, in their order. */
  combine(results: readonly unknown[]): { values: Row["values"]; details: unknown };
}

export interface Plan {
  readonly name: string;
  readonly title: string;
  /** Plain sentences for the page: what was done, and what to mind. */
  readonly notes: readonly string[];
  readonly settings: unknown;
  readonly metrics: readonly Metric[];
  /** The variant that the others are compared with. */
  readonly baseline: string;
  readonly chart: { readonly kind: "bars" } | { readonly kind: "lines"; readonly xName: string };
  readonly rows: readonly PlannedRow[];
}

export interface Row {
  readonly variant: string;
  readonly at: string;
  readonly seed: number;
  /** Null where the metric is not defined. */
  readonly values: Readonly<Record<string, number | null>>;
  /** Time of the row's own runs. */
  readonly seconds: number;
  readonly details: unknown;
}

/** A run that rows share: a pre-training. */
export interface Preparation {
  readonly title: string;
  readonly seconds: number;
  readonly result: unknown;
}

/** The JSON file of an experiment; a part of the rows while it is not complete. */
export interface ExperimentRecord extends Pick<Plan, "name" | "title" | "notes" | "settings" | "metrics" | "baseline"> {
  readonly chart: Plan["chart"];
  /** The machines of the runs. */
  readonly machines: readonly Machine[];
  /** Number of the plan's rows. */
  readonly planned: number;
  /** Time of all rows and of the pre-trainings that they share. */
  readonly seconds: number;
  readonly preparations: readonly Preparation[];
  readonly rows: readonly Row[];
}
