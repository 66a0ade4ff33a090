/** The part of the Compose specification that our file uses, strictly. Source: compose-spec, 2024. */
import { z } from "zod";

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
