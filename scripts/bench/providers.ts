/**
 * The same work on the processor's providers, side by side in one run; prints JSON.
 *
 *   deno task bench:providers [--only NAME,NAME] [--threads N] [--data FOLDER] [--peer PYTHON] [--out FILE]
 *
 * Columns: `cpu`, and `openvino` in float32 and in mixed precision; with `--peer` PyTorch, and OpenVINO alone on the graph as
 * built, in their own precisions and layouts. Each cell runs in an engine of its own, a row's cells one after the other. The
 * last row is the floor, the processor's own speed. A quarter of an hour on two cores.
 */
import { cpus } from "node:os";
import { openEngine, type Precision, type Provider } from "../../src/engine/mod.ts";
import { BENCHES } from "./cases.ts";
import { type BenchFlags, benchFlags } from "./flags.ts";
import { runScript } from "../flags.ts";
import type { Row } from "./measure.ts";
import { peersOf } from "./peer.ts";

interface Column {
  readonly column: string;
  readonly provider: Provider;
  readonly precision: Precision;
}

const COLUMNS: readonly Column[] = [
  { column: "cpu", provider: "cpu", precision: "float32" },
  { column: "openvino", provider: "openvino", precision: "float32" },
  { column: "openvino, mixed", provider: "openvino", precision: "mixed" },
];

const ROWS = "uniunet-forward-96,uniunet-step-64,uniunet-step-96,edge-step-64,ms-lesion-volume,peak-product";

type Cell = Row | { readonly error: string };

/** PyTorch's compiled form is left out: compiling takes minutes. */
const FORMS = ["eager", "bfloat16", "channels-last", "bfloat16 channels-last"] as const;

async function cell(name: string, { provider, precision }: Column, flags: BenchFlags): Promise<Cell> {
  try {
    const engine = await openEngine(provider, { precision, threads: flags.threads });
    try {
      if (engine.precision !== precision) return { error: `this processor has no ${precision}` };
      return await BENCHES[name].run(engine, { name, data: flags.data });
    } finally {
      await engine.close();
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

async function main(words: readonly string[]): Promise<void> {
  const flags = benchFlags(words.some((word) => word.startsWith("--only")) ? words : [...words, "--only", ROWS]);
  const rows: Rows = {};
  for (const name of flags.names) {
    rows[name] = {};
    for (const column of COLUMNS) {
      const found = await cell(name, column, flags);
      rows[name][column.column] = found;
      console.error(JSON.stringify({ row: name, column: column.column, ...found }));
      await keep(flags, rows);
    }
    const ours = rows[name].cpu;
    if (flags.peer === undefined || ours === undefined || "error" in ours) continue;
    for await (const found of peersOf(flags.peer, ours, { device: "cpu", threads: flags.threads, forms: FORMS })) {
      rows[name][found.name.slice(name.length + ", ".length)] = { ...found, name };
      console.error(JSON.stringify(found));
      await keep(flags, rows);
    }
  }
  console.log(reportOf(flags, rows));
}

type Rows = Record<string, Record<string, Cell>>;

function reportOf({ threads }: BenchFlags, rows: Rows): string {
  const machine = { cores: cpus().length, model: cpus()[0].model, threads, deno: Deno.version.deno };
  return JSON.stringify({ machine, rows }, null, 2);
}

/** After every cell: a run that is stopped keeps what it has measured. */
async function keep(flags: BenchFlags, rows: Rows): Promise<void> {
  if (flags.out !== undefined) await Deno.writeTextFile(flags.out, reportOf(flags, rows) + "\n");
}

await runScript(main);
