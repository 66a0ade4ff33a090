/**
 * A mixed load on a running service: clients that mean well, clients that break off, hostile bodies, and kills of its
 * child processes; meanwhile a probe asks whether it lives. Reports what the service owes: answers in time, every kind of
 * work done, no memory kept, nothing left behind.
 */
import type { Random } from "../../src/tensor/mod.ts";
import { type Action, ask, type Client, pause, Tally } from "./client.ts";
import { browse, classify, dataset, endJobs, finetune, importArchive, segment, segmentLater, upload } from "./good.ts";
import { drip, hangUp, hangUpHttp2, hostileBody, stall } from "./hostile.ts";
import { killChildren, type Kills } from "./kills.ts";
import type { Load } from "./load.ts";
import type { ProbeFigures } from "./_probe.ts";
import { type Place, startProbe } from "./service.ts";
import { left, type Standing, standing } from "./standing.ts";

export interface SoakReport {
  readonly seconds: number;
  readonly requests: number;
  readonly brokenOff: number;
  readonly statuses: Tally["statuses"];
  readonly refusals: Tally["refusals"];
  readonly wrong: readonly string[];
  readonly killed: number;
  readonly kills: Kills;
  /** Of the service, and of an idle service beside it: the machine's part. */
  readonly probe: ProbeFigures;
  readonly machine: ProbeFigures;
  readonly before: Standing;
  readonly after: Standing;
  readonly memoryGrowthMb: number;
  /** Memory of the server every twentieth of the time, MB. */
  readonly memoryMb: readonly number[];
  /** Files below the data folder that belong to nothing: uploads, stagings, data sets that were deleted. */
  readonly leftBehind: readonly string[];
  readonly errors: readonly string[];
}

export interface SoakOptions {
  readonly seconds: number;
  readonly clients: number;
  readonly random: Random;
  readonly load: Load;
  /** What the service gets after the load to close, remove and collect; default 30. */
  readonly settleSeconds?: number;
}

/** The first part fills caches and starts children: growth is counted from its end. */
const WARM_SHARE = 0.2;
const SAMPLES = 20;

/** Each as often as it stands here. */
const ACTIONS: readonly Action[] = [
  ...[segment, segment, classify, classify, segmentLater, dataset, dataset, importArchive, browse, browse, browse],
  ...[hangUp, hangUp, hangUpHttp2, drip, stall, hostileBody, hostileBody, hostileBody, hostileBody],
];
const FINETUNE_EVERY_MS = 20_000;

/** Does something over and over until it is disposed of, also where the soak fails: its service is gone then. */
function every(ms: number, act: () => void): Disposable {
  const timer = setInterval(act, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

export async function soak(
  place: Place,
  { seconds, clients, random, load, settleSeconds = 30 }: SoakOptions,
): Promise<SoakReport> {
  const tally = new Tally(), memoryMb: number[] = [];
  const never = new AbortController().signal;
  const http = Deno.createHttpClient({});
  const first: Client = { place, load, tally, random, http, dataset: "", over: never };
  const kept = await upload(first);
  if (kept === null) throw new Error(`Cannot soak: the service takes no data set: ${JSON.stringify(tally.statuses)}`);
  const client = (name: string, own: Partial<Client> = {}): Client => ({
    ...first,
    random: random.fork(name),
    dataset: kept,
    ...own,
  });
  const began = performance.now();
  const endProbe = await startProbe(place);
  using _sampling = every(seconds * 1000 / SAMPLES, () => memoryMb.push(standing(place.pid).rssMb));

  const run = async (part: string, ms: number) => {
    const stopping = new AbortController(), over = stopping.signal;
    using http = Deno.createHttpClient({});
    const act = async (name: string, next: (own: Client) => Action, everyMs: number) => {
      const own = client(`${part} ${name}`, { over, http });
      while (!over.aborted) {
        await next(own)(own);
        await pause(everyMs);
      }
    };
    const killing = killChildren(client(`${part} kill`, { over, http }));
    const acting = [
      act("finetune", () => finetune, FINETUNE_EVERY_MS),
      ...Array.from(
        { length: clients },
        (_, i) => act(String(i), ({ random }) => ACTIONS[random.integer(ACTIONS.length)], 10),
      ),
    ];
    await pause(ms);
    stopping.abort();
    await Promise.all(acting);
    return await killing;
  };
  /** Inference once, so that its children live, then quiet. */
  const settle = async (): Promise<Standing> => {
    {
      using http = Deno.createHttpClient({});
      const own = client("settle", { http });
      await endJobs(own);
      for (const action of [segment, classify, browse]) await action(own);
    }
    await pause(settleSeconds * 1000); // its connections are closed: those of the probe are left
    return standing(place.pid);
  };
  await run("warm", seconds * 1000 * WARM_SHARE);
  const before = await settle();
  const kills = await run("main", seconds * 1000 * (1 - WARM_SHARE));
  const after = await settle();
  return {
    seconds: Math.round((performance.now() - began) / 1000),
    requests: tally.requests,
    brokenOff: tally.brokenOff,
    statuses: tally.statuses,
    refusals: tally.refusals,
    wrong: tally.wrong,
    killed: Object.values(kills.byRole).reduce((sum, n) => sum + n, 0),
    kills,
    ...await endProbe(),
    before,
    after,
    memoryGrowthMb: after.rssMb - before.rssMb,
    memoryMb,
    leftBehind: await leftBehind(client("end")),
    errors: place.errors,
  };
}

async function leftBehind(client: Client): Promise<string[]> {
  const { data } = client.place;
  const listed = await ask(client, "settle", "/v1/datasets");
  const ids = (listed?.datasets as readonly { readonly id: string }[]).map(({ id }) => id);
  const spooled = left(`${data}/spool`).filter((path) => path.split("/").length > 2 || !path.endsWith("/"));
  const staged = left(data).filter((path) => !path.startsWith("pg/") && /(^|\/)\.tmp-/.test(path));
  const orphans = left(`${data}/datasets`).filter((path) => !ids.some((id) => path.startsWith(`${id}/`)));
  return [
    ...spooled.map((path) => `spool/${path}`),
    ...staged,
    ...orphans.map((path) => `datasets/${path}`),
    ...ids.filter((id) => id !== client.dataset).map((id) => `data set ${id}`),
  ];
}
