/** The rows as a Markdown table: a network and exporter → import, served, equal, kept weights, gradient, fine-tune, time. */
import { table } from "../docs/region.ts";
import type { Row } from "./row.ts";

const HEAD = [
  "network",
  "exporter",
  "served (worst gap, deviations)",
  "window",
  "weights kept",
  "gradient gap",
  "in float64",
  "updates",
];

export function tableOf(rows: readonly Row[]): string {
  return table(HEAD, rows.map(cellsOf));
}

function cellsOf(row: Row): string[] {
  const served = Object.entries(row.served ?? {});
  const gap = Math.max(...served.map(([, { gap }]) => gap));
  const names = served.map(([provider]) => provider).join(", ");
  const refusal = row.refused === undefined ? "" : `${row.at}: ${inWords(row.refused)}`;
  const { gradient, float64, updates } = row;
  return [
    row.network,
    row.exporter,
    served.length > 0 ? `${names}: ${short(gap)}` : refusal,
    row.served?.cpu === undefined ? "" : `${row.served.cpu.ms} ms`,
    row.kept === undefined ? "" : `${row.kept} of ${row.trained}`,
    gradient === undefined ? "" : short(gradient.gap),
    float64 === undefined ? "" : short(float64.gap),
    updates === undefined
      ? served.length > 0 ? refusal : ""
      : `${loss(updates.losses[0])} → ${loss(Math.min(...updates.losses.slice(-4)))}, ${Math.round(updates.seconds)} s`,
  ];
}

/** Limits of what counts as equal: outputs in deviations, gradients in float32 and in float64. */
const LIMITS = { output: 1e-4, gradient: 1e-3, float64: 5e-6 };

/** What is wrong with the rows, a line each, but for what `known` explains. */
export function faultsOf(rows: readonly Row[], known: ReadonlyMap<string, RegExp>): string[] {
  return rows.flatMap((row) => {
    const faults = faultsIn(row).filter((fault) => !known.get(row.network)?.test(fault));
    return faults.map((fault) => `${row.network}, ${row.exporter}: ${fault}`);
  });
}

function faultsIn({ refused, at, served, gradient, float64, updates }: Row): string[] {
  const faults = Object.entries(served ?? {}).filter(([, { gap }]) => !(gap <= LIMITS.output))
    .map(([provider, { gap }]) => `output on ${provider} differs by ${short(gap)}`);
  if (refused !== undefined) faults.push(`${at}: ${refused}`);
  for (const [what, found] of Object.entries({ gradient, float64 })) {
    const limit = LIMITS[what as "gradient" | "float64"];
    if (found !== undefined && !(found.gap <= limit)) faults.push(`${what} differs by ${short(found.gap)}`);
  }
  if (updates !== undefined && !updates.falls) faults.push(`the loss does not fall: ${updates.losses.map(loss)}`);
  return faults;
}

const short = (value: number) => (value === 0 ? "0" : value.toExponential(1));
const loss = (value: number) => value.toFixed(3);

/** A message as the cell of a table. */
const inWords = (message: string) => message.replaceAll("|", "/").replaceAll(/\s+/g, " ").slice(0, 200);
