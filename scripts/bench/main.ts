/**
 * Benchmarks of the engine, of networks and of whole volumes; prints JSON.
 *
 *   deno task bench [--only NAME,NAME] [--full] [--provider P] [--precision P] [--threads N] [--calibrated DATA]
 *                   [--data FOLDER] [--peer PYTHON] [--out FILE]
 *
 * `--only` takes names from `cases.ts`, or parts of them. `--calibrated` lowers by the calibration in a data directory,
 * `--peer` measures PyTorch beside it. Each row runs in an engine of its own, so that its peak memory is its own. Compare
 * rows of one run only: machines drift.
 */
import { cpus, totalmem } from "node:os";
import { openEngine } from "../../src/engine/mod.ts";
import { BENCHES } from "./cases.ts";
import { type BenchFlags, benchFlags } from "./flags.ts";
import { runScript } from "../flags.ts";
import type { Row } from "./measure.ts";
import { peerPairs, peerRows } from "./peer.ts";

async function runBenches(flags: BenchFlags): Promise<{ device: string; rows: Row[] }> {
  const { names, provider, precision, threads, calibrated, data } = flags;
  const rows: Row[] = [];
  let device = "";
  for (const name of names) {
    const engine = await openEngine(provider, { precision, threads, dataDirectory: calibrated, warn: console.error });
    try {
      device = engine.deviceName;
      rows.push(await BENCHES[name].run(engine, { name, data }));
      console.error(JSON.stringify(rows.at(-1)));
    } finally {
      await engine.close();
    }
  }
  return { device, rows };
}

/** The fastest runs of two rows, divided; left out of the report where one is missing. */
function ratio(rows: readonly Row[], above: string, below: string): number | undefined {
  const [x, y] = [above, below].map((name) => rows.find((row) => row.name === name)?.bestMs);
  return x === undefined || y === undefined ? undefined : Number((x / y).toFixed(3));
}

function reportOf({ provider, precision }: BenchFlags, { device, rows }: { device: string; rows: readonly Row[] }) {
  return {
    machine: {
      cores: cpus().length,
      model: cpus()[0].model,
      memoryGb: Math.round(totalmem() / 1e9),
      deno: Deno.version.deno,
      provider,
      device,
      ...(precision !== undefined && { precision }),
    },
    rows,
    ratios: {
      "forward 96³, ours / plain graph": ratio(rows, "uniunet-forward-96", "uniunet-forward-96-plain"),
      "forward 64³, ours / plain graph": ratio(rows, "uniunet-forward-64", "uniunet-forward-64-plain"),
      ...Object.fromEntries(peerPairs(rows).map(([what, [peer, ours]]) => [what, ratio(rows, peer, ours)])),
    },
  };
}

async function main(words: readonly string[]): Promise<void> {
  const flags = benchFlags(words);
  const { device, rows } = await runBenches(flags);
  if (flags.peer !== undefined) {
    const peerDevice = flags.provider === "cuda" ? "cuda" : "cpu";
    rows.push(...await peerRows(flags.peer, { rows: [...rows], device: peerDevice, threads: flags.threads }));
  }
  const text = JSON.stringify(reportOf(flags, { device, rows }), null, 2);
  console.log(text);
  if (flags.out !== undefined) await Deno.writeTextFile(flags.out, text + "\n");
}

await runScript(main);
