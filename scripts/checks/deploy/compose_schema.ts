/**
 * What a Compose file may hold. `compose-spec.json` is the schema by which Docker Compose 2.40.3 itself judges files, byte
 * for byte: `schema/compose-spec.json` of github.com/compose-spec/compose-go 2.9.1, Apache License 2.0.
 */
import { Ajv } from "npm:ajv@8.20.0";
import { z } from "zod";
import official from "./compose-spec.json" with { type: "json" };

/** Of `compose-spec.json`. */
export const OFFICIAL_SHA256 = "89f4bdc4ba651ff024118917a7cdb67d9d78c1af4bab9b12ec2fc85f5b7d90d3";

/** Formats that Compose's own reader checks, not its schema. */
const FORMATS = { ports: true, expose: true, duration: true, subnet_ip_address: true } as const;

const { $schema: _, ...schema } = official; // an address of draft 7 that Ajv does not know; it is Ajv's default
const validate = new Ajv({ strict: false, formats: FORMATS, allErrors: true }).compile(schema);

/** Why a file is none by Compose's own schema, each fault with its place; empty: it is one. */
export function composeFaults(file: unknown): string[] {
  if (validate(file)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) =>
    `${instancePath} ${message} ${JSON.stringify(params)}`
  );
}

// The part that the tests look at.

const names = z.array(z.string());
const service = z.strictObject({
  image: z.string(),
  command: names.optional(),
  init: z.boolean().optional(),
  read_only: z.boolean(),
  user: z.string().optional(),
  cap_drop: names,
  cap_add: names.optional(),
  security_opt: names,
  pids_limit: z.int().optional(),
  mem_limit: z.string().optional(),
  tmpfs: names.optional(),
  environment: z.record(z.string(), z.string()).optional(),
  secrets: names.optional(),
  ports: names.optional(),
  volumes: names.optional(),
  networks: names,
  depends_on: z.record(z.string(), z.strictObject({ condition: z.enum(["service_healthy", "service_started"]) }))
    .optional(),
  healthcheck: z.strictObject({ test: names, interval: z.string(), timeout: z.string(), retries: z.int() }).optional(),
  stop_grace_period: z.string().optional(),
  restart: z.enum(["unless-stopped", "always"]),
});

export const composeSchema = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), service),
  networks: z.record(
    z.string(),
    z.strictObject({
      internal: z.boolean().optional(),
      ipam: z.strictObject({ config: z.array(z.strictObject({ subnet: z.string() })) }).optional(),
    }),
  ),
  volumes: z.record(z.string(), z.strictObject({})),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
});
