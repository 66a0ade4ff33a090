/** An experiment: a plan of rows whose numbers come from runs, and the record of the rows that are done. */
import type { Machine, Run } from "./runs/runs.ts";

export interface Metric {
  readonly key: string;
  readonly name: string;
  /** `neither`: a cost, which is shown and not compared. */
  readonly better: "higher" | "lower" | "neither";
  readonly digits: number;
}

/** Named numbers; null where one is not defined. */
export type Values = Readonly<Record<string, number | null>>;

/** A test patient's scores, by which variants are compared patient by patient. */
export interface PatientValues {
  readonly id: string;
  readonly values: Values;
}

/** One line of an experiment's table for one seed. */
export interface PlannedRow {
  readonly variant: string;
  /** The place on the experiment's axis, such as a number of patients or of seconds; "" without an axis. */
  readonly at: string;
  readonly seed: number;
  readonly runs: readonly Run[];
  /** The row's numbers from the results of `runs`, in their order. */
  combine(results: readonly unknown[]): Pick<Row, "values" | "patients" | "details">;
}

/** What stands on the axis of a chart with lines. */
export type Axis = "patients" | "seconds";

export interface Plan {
  /** Name of the record's files. */
  readonly name: string;
  readonly title: string;
  /** Plain sentences for the page: what was done, and what to mind. */
  readonly notes: readonly string[];
  readonly settings: unknown;
  readonly metrics: readonly Metric[];
  /** The variant that the others are compared with. */
  readonly baseline: string;
  readonly chart: { readonly kind: "bars" } | { readonly kind: "lines"; readonly xName: string; readonly axis?: Axis };
  readonly rows: readonly PlannedRow[];
}

export interface Row {
  readonly variant: string;
  readonly at: string;
  readonly seed: number;
  readonly values: Values;
  /** Absent where the numbers are not means over patients. */
  readonly patients?: readonly PatientValues[];
  /** Time of the row's own runs, scoring included. */
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
  /** The command that makes the record again; absent in records of plans that are no longer part of the program. */
  readonly command?: string;
  /** The machines of the runs. */
  readonly machines: readonly Machine[];
  /** The greatest load of the machine at the end of a run; absent in records that were made without it. */
  readonly load?: number;
  /** Number of the plan's rows. */
  readonly planned: number;
  /** Time of all rows and of the pre-trainings that they share. */
  readonly seconds: number;
  readonly preparations: readonly Preparation[];
  readonly rows: readonly Row[];
}
