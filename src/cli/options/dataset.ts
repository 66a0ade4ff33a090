/** What a user says about a folder or archive of cases beside its path: channels, patients, cases to leave out. */
import { type GivenPatients, type PlanOptions, readChannelMap } from "../../datasets/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import { type Args, type Flags, refuse, wrong } from "../terminal/args.ts";

export const CHANNEL_FLAG = {
  "map-channel": {
    value: "NAME=MODALITY",
    help: "Modality of a channel whose name means none, such as MRI=t1; several with commas between",
  },
} as const satisfies Flags;

export const DATASET_FLAGS = {
  ...CHANNEL_FLAG,
  patients: {
    value: "FILE",
    help:
      "Table of patients: columns case,patient[,class], or the participants.tsv of BIDS. Default: patients.csv or " +
      "participants.tsv at the top of --data, then the cases' names (sub-01_ses-2, P14_T3, BraTS-GLI-00005-001)",
  },
  "patient-rule": {
    value: "RULE",
    help: "Regular expression whose one group is the patient in a case's name, such as ^(P[0-9]+)_",
  },
  "skip-bad-cases": { help: "Leave out cases that cannot be read or whose checks fail; the report lists them" },
  "leave-out": { value: "CASES", help: "Names of cases to leave out, separated by commas" },
} as const satisfies Flags;

/** @throws {UsageError} naming the flag */
export async function datasetOptionsOf(args: Args): Promise<PlanOptions> {
  const [table, rule, leaveOut] = [args.text("patients"), args.text("patient-rule"), args.text("leave-out")];
  if (table !== undefined && rule !== undefined) wrong("Cannot use --patient-rule: --patients is given too");
  if (leaveOut !== undefined && args.is("skip-bad-cases")) {
    wrong("Cannot use --leave-out: --skip-bad-cases is given too");
  }
  const patients: GivenPatients | undefined = rule !== undefined
    ? { rule }
    : table === undefined
    ? undefined
    : { table: await Deno.readTextFile(table).catch(() => refuse("patients", "a file with text", table)) };
  return {
    channels: channelsOf(args),
    patients,
    skip: args.is("skip-bad-cases") ? "errors" : leaveOut?.split(",").map((name) => name.trim()),
  };
}

/** @throws {UsageError} naming the flag */
export function channelsOf(args: Args): PlanOptions["channels"] {
  const text = args.text("map-channel");
  if (text === undefined) return undefined;
  try {
    return readChannelMap(text);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    wrong(`Cannot use --map-channel: ${error.message}`);
  }
}
