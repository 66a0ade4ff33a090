/**
 * `deno task soak [--seconds 3600] [--clients 8] [--seed 1] [--fake]`: prints the report as JSON; exit code 1 where the
 * service did not keep its bounds. `--fake` takes fake tasks instead of the shipped model.
 */
import { parseArgs } from "node:util";
import { image } from "../../src/server/testing/fake_tasks.ts";
import { phantomVolume } from "./volume.ts";
import { Random } from "../../src/tensor/mod.ts";
import { withProcess } from "./service.ts";
import { soak, type SoakReport } from "./soak.ts";

/** A probe of a service that is alive is answered within these times, whatever it has to do. */
const BOUNDS = { p99Ms: 100, maxMs: 1000, growthMb: 100 } as const;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3600" },
    clients: { type: "string", default: "8" },
    seed: { type: "string", default: "1" },
    fake: { type: "boolean", default: false },
  },
});
const { fake } = values;
const load = fake
  ? { volume: image(), model: "tumour", modalities: ["t1", "flair"] }
  : { volume: await phantomVolume(48), model: "ms-lesion", modalities: ["t1", "flair"] };
const report = await withProcess((place) =>
  soak(place, {
    seconds: Number(values.seconds),
    clients: Number(values.clients),
    random: new Random(values.seed),
    load,
  }), { fake });
const broken = brokenBounds(report);
console.log(JSON.stringify({ ...report, broken }, null, 2));
Deno.exit(broken.length > 0 ? 1 : 0);

function brokenBounds({ probe, memoryMb, handles, spoolLeft }: SoakReport): string[] {
  const bounds: [string, boolean][] = [
    ["the probe failed", probe.failed > 0],
    [`the probe's p99 is above ${BOUNDS.p99Ms} ms`, probe.p99Ms > BOUNDS.p99Ms],
    [`the probe took more than ${BOUNDS.maxMs} ms`, probe.maxMs > BOUNDS.maxMs],
    [`memory grew by more than ${BOUNDS.growthMb} MB`, memoryMb.growth > BOUNDS.growthMb],
    ["file handles were lost", handles.after > handles.before],
    ["something was left in the spool", spoolLeft > 0],
  ];
  return bounds.flatMap(([what, isBroken]) => isBroken ? [what] : []);
}
