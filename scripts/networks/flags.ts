/** The words after `deno task networks`. */
import { type Check, CHECKS } from "./row.ts";
import { readFlags, UsageError } from "../flags.ts";

export interface NetworkFlags {
  /** Where the exports are, or go. Default: a temporary folder. */
  readonly out?: string;
  /** A Python that has the packages already. Default: a virtual environment in `out`. */
  readonly python?: string;
  /** Parts of names of networks; empty: all. */
  readonly only: readonly string[];
  /** Exporters; empty: all. */
  readonly exporters: readonly string[];
  readonly checks: readonly Check[];
  /** Writes the table into docs/onnx.md, and its rows into docs/onnx.json. */
  readonly record: boolean;
}

/** @throws {UsageError} a word is unknown */
export function networkFlags(words: readonly string[]): NetworkFlags {
  const { out, python, only, exporters, checks, record } = parsed(words);
  return {
    out,
    python,
    only: listOf(only),
    exporters: listOf(exporters),
    checks: listOf(checks).map((word) => {
      const check = CHECKS.find((known) => known === word);
      if (check === undefined) {
        throw new UsageError(`Cannot try "${word}": expected --checks to list some of ${CHECKS.join(", ")}`);
      }
      return check;
    }),
    record,
  };
}

const listOf = (text: string) => text.split(",").filter((word) => word !== "");

function parsed(words: readonly string[]) {
  return readFlags({
    args: [...words],
    options: {
      out: { type: "string" },
      python: { type: "string" },
      only: { type: "string", default: "" },
      exporters: { type: "string", default: "" },
      checks: { type: "string", default: "cpu,wasm,gradient,finetune" },
      record: { type: "boolean", default: false },
    },
  }).values;
}
