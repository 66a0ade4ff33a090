/** The words after `deno task bench`: which benchmarks to run, and on which device. Opens no device. */
import { PRECISIONS, PROVIDERS } from "../../src/engine/mod.ts";
import { BENCHES } from "./cases.ts";
import { readFlags, UsageError } from "../flags.ts";

export interface BenchFlags {
  /** The benchmarks to run, in the table's order. */
  readonly names: readonly string[];
  readonly provider: typeof PROVIDERS[number];
  readonly precision?: typeof PRECISIONS[number];
  readonly threads?: number;
  /** A Python with PyTorch, which the same networks are measured with. */
  readonly peer?: string;
  readonly out?: string;
  /** A data directory whose calibration decides the forms of operators. */
  readonly calibrated?: string;
  /** A folder with a real patient's volumes. */
  readonly data: string;
}

/** @throws UsageError when a word is unknown. */
export function benchFlags(words: readonly string[]): BenchFlags {
  const values = parsed(words);
  return {
    names: chosen({ only: values.only, full: values.full }),
    provider: choice("provider", PROVIDERS, values.provider),
    precision: values.precision === undefined ? undefined : choice("precision", PRECISIONS, values.precision),
    threads: values.threads === undefined ? undefined : positive("threads", values.threads),
    peer: values.peer,
    out: values.out,
    calibrated: values.calibrated,
    data: values.data,
  };
}

function parsed(words: readonly string[]) {
  return readFlags({
    args: [...words],
    options: {
      only: { type: "string" },
      full: { type: "boolean", default: false },
      provider: { type: "string", default: "cpu" },
      precision: { type: "string" },
      threads: { type: "string" },
      peer: { type: "string" },
      out: { type: "string" },
      calibrated: { type: "string" },
      data: { type: "string", default: "../shared/data/ms/patient19" },
    },
  }).values;
}

/**
 * The benchmarks that `only` lists, separated by commas: each is a benchmark's name, or a part of the names of several.
 * Without it all of them, the long ones with `full`.
 */
function chosen({ only, full }: { only?: string; full: boolean }): string[] {
  const all = Object.keys(BENCHES);
  const usual = all.filter((name) => full || !BENCHES[name].isLong);
  if (only === undefined) return usual;
  const wanted = new Set(
    only.split(",").map((word) => word.trim()).flatMap((word) => {
      if (all.includes(word)) return [word];
      const found = word === "" ? [] : usual.filter((name) => name.includes(word));
      if (found.length > 0) return found;
      throw new UsageError(
        `Cannot bench ${JSON.stringify(word)}: expected a name, or a part of one, of\n  ${all.join("\n  ")}`,
      );
    }),
  );
  return all.filter((name) => wanted.has(name));
}

/** The one of `known` that a flag names. */
function choice<T extends string>(flag: string, known: readonly T[], value: string): T {
  const found = known.find((k) => k === value);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot bench: expected --${flag} to be one of ${known.join(", ")}, got ${value}`);
}

function positive(flag: string, value: string): number {
  const count = Number(value);
  if (Number.isInteger(count) && count > 0) return count;
  throw new UsageError(`Cannot bench: expected --${flag} to be a whole number from 1, got ${value}`);
}
