/** What runs here. */
import project from "../../../deno.json" with { type: "json" };
import { versionReplySchema } from "../schemas/replies.ts";
import { json, route } from "../http/route.ts";

export const SULCUS_VERSION = project.version;
const ONNXRUNTIME_VERSION = project.imports["onnxruntime-node"].split("@").at(-1)!;
/** Just after the start devices are still being probed. */
const PROBE_MS = 10_000;

export const VERSION_ROUTES = [
  route({
    method: "GET",
    path: "/version",
    tag: "Service",
    summary: "Versions and devices",
    replies: {
      200: { description: "What runs here", content: { "application/json": versionReplySchema } },
    },
    refusals: [],
    handle: async ({ services }) =>
      json({
        name: project.name,
        version: SULCUS_VERSION,
        commit: services.commit,
        deno: Deno.version.deno,
        onnxruntime: ONNXRUNTIME_VERSION,
        devices: await services.devices.list(PROBE_MS),
      }),
  }),
];
