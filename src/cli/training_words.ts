/** What the commands that train share: a flag, and words for their ends. */
import { type Args, refuse } from "./args.ts";

/** `--learning-rate`. */
export function rateOf(args: Args): number | undefined {
  const text = args.text("learning-rate");
  if (text === undefined) return undefined;
  const rate = /^[\d.]+(e-?\d+)?$/i.test(text) ? Number(text) : NaN;
  return rate > 0 && rate <= 1 ? rate : refuse("learning-rate", "a number above 0 up to 1, such as 2e-3", text);
}

export function numbersOf(metrics: Readonly<Record<string, number | null>>): string {
  return Object.entries(metrics).map(([name, value]) => `${name} ${value === null ? "undefined" : +value.toFixed(4)}`)
    .join(", ");
}

/** The flags by which other commands find the models of this one. */
export function storeFlags(args: Args): string {
  return ["store", "models"].flatMap((flag) => {
    const value = args.text(flag);
    return value === undefined ? [] : [` --${flag === "store" ? "data" : flag} ${value}`];
  }).join("");
}
