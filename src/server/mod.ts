/**
 * The server: HTTP in front of the registry, data sets and jobs. Each route is one record, by which requests are
 * checked and from which the OpenAPI document is written. It knows neither tensors nor ONNX. Further protocols will
 * stand in `protocols/`.
 */
export { type RunningServer, type ServerOptions, startServer } from "./start.ts";
export { createApp } from "./app.ts";
export type { Services } from "./http/services.ts";
export {
  DEFAULT_LIMITS,
  type Limits,
  LOOPBACK_HOSTS,
  type ServerSettings,
  SULCUS_VERSION,
  whyUnprotected,
} from "./settings.ts";
export { type LogEntry, type Logger, logToStderr } from "./observe/log.ts";
export { openApiDocument } from "./schemas/openapi.ts";
