/** What a project keeps: how long, and how much. Each field that a project does not set is that of the installation. */
import { z } from "zod";

/** Names of projects, in claims, tokens and addresses. */
export const PROJECT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** null: for ever, or as much as the disk takes. */
export interface Policy {
  /** Masks of jobs, in hours. */
  readonly resultHours: number | null;
  /** Images that were sent for a job that has not begun, in hours; the job is then cancelled. Its end removes them. */
  readonly uploadHours: number | null;
  /** Checkpoints of trainings that did not succeed, with their prepared cases, in days. */
  readonly checkpointDays: number | null;
  /** Data sets since they were made, in days. One that an open job uses waits for its end. */
  readonly datasetDays: number | null;
  /** Versions of models that are neither served nor the way back from one that is, in days since they were made. */
  readonly modelDays: number | null;
  /** Records of jobs since their end, in days, with their events, masks and reports. */
  readonly jobDays: number | null;
  /** Entries of the audit trail, in days. There is one chain: it is kept as long as the project that keeps it longest asks. */
  readonly auditDays: number | null;
  /** Bytes of a project's data sets and models. */
  readonly storageBytes: number | null;
}

export const DEFAULT_POLICY: Policy = {
  resultHours: 24,
  uploadHours: null,
  checkpointDays: 30,
  datasetDays: null,
  modelDays: null,
  jobDays: null,
  auditDays: null,
  storageBytes: null,
};

const MOST = { hours: 24 * 36_500, days: 36_500 } as const;
const whole = (most: number) => z.int().min(1).max(most).nullable();

/** Fields that a project sets itself. */
export const policySchema = z.strictObject({
  resultHours: whole(MOST.hours).describe("Masks of jobs; null: for ever."),
  uploadHours: whole(MOST.hours).describe("Images of a job that has not begun, which is then cancelled."),
  checkpointDays: whole(MOST.days).describe("Checkpoints of trainings that did not succeed."),
  datasetDays: whole(MOST.days).describe("Data sets since they were made."),
  modelDays: whole(MOST.days).describe("Versions that are neither served nor the one served before."),
  jobDays: whole(MOST.days).describe("Records of jobs since their end, with their masks and reports."),
  auditDays: whole(MOST.days).describe("The audit trail: one chain, kept as long as the longest of all projects."),
  storageBytes: whole(Number.MAX_SAFE_INTEGER).describe("Bytes of its data sets and models; null: no bound."),
}).partial();
export type OwnPolicy = z.infer<typeof policySchema>;

const HOUR_MS = 3600_000;
const UNIT_MS = { Hours: HOUR_MS, Days: 24 * HOUR_MS } as const;

export type PolicyTime = Exclude<keyof Policy, "storageBytes">;

/** The policies of all projects at one moment. */
export class Policies {
  readonly #defaults: Policy;
  readonly #own: ReadonlyMap<string, OwnPolicy>;

  constructor(defaults: Policy, own: ReadonlyMap<string, OwnPolicy> = new Map()) {
    this.#defaults = defaults;
    this.#own = own;
  }

  /** The policy of a project; null: of what belongs to none. */
  of(project: string | null): Policy {
    return { ...this.#defaults, ...project !== null && this.#own.get(project) };
  }

  /** The time in ms since 1970 before which things of a project are over; -Infinity: none ever is. */
  endOf(time: PolicyTime, project: string | null, now: number): number {
    const length = this.of(project)[time];
    return length === null ? -Infinity : now - length * UNIT_MS[time.endsWith("Hours") ? "Hours" : "Days"];
  }

  /** The same of what all projects share: kept as long as any of them asks. */
  endOfShared(time: PolicyTime, now: number): number {
    return Math.min(...[null, ...this.#own.keys()].map((project) => this.endOf(time, project, now)));
  }
}
