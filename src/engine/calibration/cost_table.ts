/**
 * What was measured of a device, as it is kept in the data directory: the costs that lowering decides by. Reads and
 * checks; the measuring is in `calibrate.ts`.
 */
import { join } from "node:path";
import { z } from "zod";
import type { Costs } from "../../graph/mod.ts";
import type { Engine } from "../engine.ts";
import { PRECISIONS } from "../providers/provider.ts";
import { type Provider, PROVIDERS, recordOf } from "../providers/table.ts";

/** To be raised when a pass writes another form or measures another sample: older tables say nothing of it. */
const FORMAT = 1;

/** Milliseconds; JSON has no infinity, and null stands for it: the device refuses this form. */
const milliseconds = z.number().positive().nullable().transform((ms) => ms ?? Infinity);

const schema = z.strictObject({
  format: z.literal(FORMAT),
  provider: z.enum(PROVIDERS),
  deviceName: z.string().max(500),
  precision: z.enum(PRECISIONS),
  /** Name and version of the package that runs graphs. */
  runtime: z.string().max(100),
  kinds: z.record(z.string().max(200), z.strictObject({ withoutMs: milliseconds, withMs: milliseconds })),
});
export type CostTable = z.infer<typeof schema>;

type Identity = Pick<Engine, "provider" | "deviceName" | "precision">;

/** The table of a device. */
export function costTable({ provider, deviceName, precision }: Identity, kinds: Costs): CostTable {
  return { format: FORMAT, provider, deviceName, precision, runtime: recordOf(provider).library, kinds };
}

export function costTablePath(dataDirectory: string, provider: Provider): string {
  return join(dataDirectory, "calibration", `${provider}.json`);
}

/**
 * What is known of a device; undefined where nothing is, or nothing of this very device, version and format.
 * @param options.warn told why a table is not used
 */
export async function readCosts(
  dataDirectory: string,
  device: Identity,
  { warn }: { warn: (message: string) => void },
): Promise<Costs | undefined> {
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
  return data.kinds;
}
