/** The file in the data directory with the costs that were measured of a device, by which lowering decides. */
import { join } from "node:path";
import { z } from "zod";
import type { Costs } from "../../graph/mod.ts";
import type { Engine } from "../engine.ts";
import { PRECISIONS } from "../providers/provider.ts";
import { type Provider, PROVIDERS, recordOf } from "../providers/table.ts";

/** Raised when a pass writes another form or measures another sample, since older tables do not hold for it. */
const FORMAT = 1;

/** Milliseconds. Null stands for infinity, which JSON lacks: the device refuses this form. */
const milliseconds = z.number().positive().nullable().transform((ms) => ms ?? Infinity);

const schema = z.strictObject({
  format: z.literal(FORMAT),
  provider: z.enum(PROVIDERS),
  deviceName: z.string().max(500),
  precision: z.enum(PRECISIONS),
  /** Name and version of the library that runs graphs. */
  runtime: z.string().max(100),
  kinds: z.record(z.string().max(200), z.strictObject({ withoutMs: milliseconds, withMs: milliseconds })),
  /** Times of whole reference work, by which `auto` compares providers of the same hardware. */
  workMs: z.strictObject({ inference: z.number().positive(), training: z.number().positive() }).partial().optional(),
});
export type CostTable = z.infer<typeof schema>;

/** What `auto` chooses a provider for. */
export const WORKS = ["inference", "training"] as const;
export type Work = (typeof WORKS)[number];
export type WorkTimes = Readonly<Partial<Record<Work, number>>>;

type Identity = Pick<Engine, "provider" | "deviceName" | "precision">;

/** The table of a device. */
export function costTable({ provider, deviceName, precision }: Identity, kinds: Costs, workMs?: WorkTimes): CostTable {
  return {
    format: FORMAT,
    provider,
    deviceName,
    precision,
    runtime: recordOf(provider).library,
    kinds,
    ...(workMs !== undefined && { workMs }),
  };
}

export function costTablePath(dataDirectory: string, provider: Provider): string {
  return join(dataDirectory, "calibration", `${provider}.json`);
}

/** Returns the costs of a device from {@link readTable}. */
export async function readCosts(...from: Parameters<typeof readTable>): Promise<Costs | undefined> {
  return (await readTable(...from))?.kinds;
}

/**
 * Returns the table of a device; undefined where there is none for this very device, library version and format.
 * @param options.warn receives the reason why a table is not used
 */
export async function readTable(
  dataDirectory: string,
  device: Identity,
  { warn }: { warn: (message: string) => void },
): Promise<CostTable | undefined> {
  const refuse = (why: string) =>
    warn(`The calibration of ${device.provider} is not used: ${why}. \`sulcus bench --calibrate\` makes a new one`);
  let read: unknown;
  try {
    read = JSON.parse(await Deno.readTextFile(costTablePath(dataDirectory, device.provider)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    return void refuse(error instanceof SyntaxError ? "expected JSON" : "its file cannot be read");
  }
  const { data, error } = schema.safeParse(read);
  if (data === undefined) {
    const { path, message } = error.issues[0];
    return void refuse(`${path.join(".") || "the file"}: ${message}`);
  }
  const here = costTable(device, data.kinds);
  const key = (["provider", "deviceName", "precision", "runtime"] as const).find((key) => data[key] !== here[key]);
  if (key !== undefined) return void refuse(`it was made for ${data[key]}, this is ${here[key]}`);
  return data;
}
