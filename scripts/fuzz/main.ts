/**
 * Feeds every reader of files and the running service with damaged inputs: `deno task fuzz [--seconds 3600] [--seed 1]`.
 * Prints a JSON line per target; exit code 1 where something was found.
 */
import { fuzz, type Outcome } from "./fuzz.ts";
import { http2Target } from "./http2.ts";
import { protocolTarget, withService } from "./service.ts";
import { FILE_TARGETS } from "./targets.ts";
import { flagsOf, numberOf } from "../flags.ts";

const { values } = flagsOf({
  options: { seconds: { type: "string", default: "3600" }, seed: { type: "string", default: "1" } },
});
const seconds = numberOf("--seconds", values.seconds, { above: 0, isWhole: false });
const seed = numberOf("--seed", values.seed);

const share = seconds / (FILE_TARGETS.length + 4); // each protocol of the service gets two shares
const outcomes: Outcome[] = [];
for (const target of FILE_TARGETS) {
  outcomes.push(report(await fuzz(target, { seed, inputs: Infinity, seconds: share })));
}
await withService(async (server) => {
  for (const target of [protocolTarget(server), http2Target(server)]) {
    outcomes.push(report(await fuzz(target, { seed, inputs: Infinity, seconds: 2 * share })));
  }
  const { status } = await fetch(`${server.url}/health/live`);
  if (status !== 200) throw new Error(`Cannot go on: the service replies ${status} to /health/live`);
});
Deno.exit(outcomes.some(({ findings }) => findings.length > 0) ? 1 : 0);

function report(outcome: Outcome): Outcome {
  console.log(JSON.stringify({ seed, ...outcome }));
  return outcome;
}
