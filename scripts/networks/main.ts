/**
 * Networks of MONAI, torchvision and nnU-Net: exported by PyTorch, imported, served, differentiated and fine-tuned. Prints a
 * table and, with `--record`, writes it into docs/onnx.md.
 *
 *   deno task networks [--only PART,PART] [--exporters NAME,NAME] [--checks cpu,wasm,webgpu,gradient,float64,finetune]
 *                      [--out FOLDER] [--python PATH] [--record]
 *
 * Without `--python` it installs PyTorch and the others into a virtual environment in `--out`, or in a temporary folder. A
 * second run with the same `--out` exports nothing again. All networks take about an hour on two cores.
 */
import { mkdir, mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { replaceRegion } from "../docs/region.ts";
import { writePhantoms } from "./finetuning.ts";
import { type NetworkFlags, networkFlags } from "./flags.ts";
import { runScript } from "../flags.ts";
import { exportNetworks, PACKAGES, pythonIn } from "./python.ts";
import type { Row } from "./row.ts";
import { KNOWN } from "./known.ts";
import { faultsOf, tableOf } from "./table.ts";
import { readZoo, type ZooNetwork } from "./zoo.ts";

const ROOT = join(import.meta.dirname!, "..", "..");

/** The rows of a network. A process that dies gives rows that say so. */
async function rowsOf(network: ZooNetwork, folder: string, { exporters, checks }: NetworkFlags): Promise<Row[]> {
  const isWanted = (name: string) => exporters.length === 0 || exporters.includes(name);
  const wanted = Object.entries(network.exports).filter(([name]) => isWanted(name));
  const failed = wanted.filter(([, { failed }]) => failed !== undefined);
  const names = wanted.filter(([, { failed }]) => failed === undefined).map(([name]) => name);
  const rows: Row[] = failed.map(([exporter, { failed }]) => ({
    network: network.name,
    exporter,
    refused: `PyTorch does not export it: ${failed}`,
    at: "export",
  }));
  if (names.length === 0) return rows;
  const row = join(import.meta.dirname!, "row.ts");
  const args = ["run", "-A", row, folder, network.name, names.join(","), checks.join(",")];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stderr: "inherit" }).output();
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line.startsWith("{"));
  const found = new Map(lines.map((line) => [JSON.parse(line).exporter as string, JSON.parse(line) as Row]));
  return [
    ...rows,
    ...names.map((exporter) =>
      found.get(exporter) ?? { network: network.name, exporter, refused: "the process ended", at: "process" }
    ),
  ];
}

/** Returns the faults that it found. */
async function run(flags: NetworkFlags): Promise<string[]> {
  const folder = flags.out ?? await mkdtemp(join(tmpdir(), "sulcus-networks-"));
  const phantoms = join(folder, "phantoms");
  await mkdir(folder, { recursive: true });
  await exportNetworks(flags.python ?? await pythonIn(folder), { folder, ...flags });
  if (!await stat(phantoms).then(() => true, () => false)) await writePhantoms(phantoms);
  const rows: Row[] = [];
  for (const network of await readZoo(folder)) {
    if (flags.only.length > 0 && !flags.only.some((part) => network.name.includes(part))) continue;
    const found = await rowsOf(network, folder, flags);
    found.forEach((row) => console.error(JSON.stringify(row)));
    rows.push(...found);
  }
  console.log(tableOf(rows));
  if (flags.record) await record(rows);
  return faultsOf(rows, KNOWN);
}

/** A row with what was found before by the checks that were not run again. A refusal says all there is. */
export function completed(row: Row, before: Row | undefined): Row {
  if (row.refused !== undefined || before === undefined || before.refused !== undefined) return row;
  return { ...before, ...row, ...(before.served && { served: { ...before.served, ...row.served } }) };
}

/** Writes the rows, each completed by that of the same network and exporter, and the table of all. */
export async function record(rows: readonly Row[]): Promise<void> {
  const [data, page] = [join(ROOT, "docs", "onnx.json"), join(ROOT, "docs", "onnx.md")];
  const keyOf = ({ network, exporter }: Row) => `${network} ${exporter}`;
  const before: Row[] = await readFile(data, "utf8").then((text) => JSON.parse(text).rows, () => []);
  const all = new Map(before.map((row) => [keyOf(row), row]));
  for (const row of rows) all.set(keyOf(row), completed(row, all.get(keyOf(row))));
  const sorted = [...all.values()].toSorted((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
  await writeFile(data, JSON.stringify({ packages: PACKAGES, rows: sorted }, null, 1) + "\n");
  await writeFile(page, replaceRegion(await readFile(page, "utf8"), "networks", tableOf(sorted)));
}

if (import.meta.main) {
  await runScript(async (words) => {
    const faults = await run(networkFlags(words));
    faults.forEach((fault) => console.error(fault));
    if (faults.length > 0) Deno.exit(1);
  });
}
