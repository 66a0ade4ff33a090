/**
 * `deno task soak [--seconds 3600] [--clients 8] [--seed 1] [--fake]`: prints the report as JSON; exit code 1 where the
 * service did not keep its bounds. `--fake` takes fake tasks instead of the shipped models.
 */
import { Random } from "../../src/tensor/mod.ts";
import { brokenBounds, brokenTimes } from "./bounds.ts";
import { fakeLoad, realLoad } from "./load.ts";
import { withProcess } from "./service.ts";
import { soak } from "./soak.ts";
import { flagsOf, numberOf } from "../flags.ts";

const { values } = flagsOf({
  options: {
    seconds: { type: "string", default: "3600" },
    clients: { type: "string", default: "8" },
    seed: { type: "string", default: "1" },
    fake: { type: "boolean", default: false },
  },
});
const { fake } = values;
const seconds = numberOf("--seconds", values.seconds, { above: 0, isWhole: false });
const clients = numberOf("--clients", values.clients, { from: 1 });
const load = await (fake ? fakeLoad() : realLoad());
const report = await withProcess(
  (place) => soak(place, { seconds, clients, random: new Random(values.seed), load }),
  { fake },
);
const broken = [...brokenBounds(report), ...brokenTimes(report)];
console.log(JSON.stringify({ ...report, broken }, null, 2));
Deno.exit(broken.length > 0 ? 1 : 0);
