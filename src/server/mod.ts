/**
 * The server: HTTP in front of the registry, data sets and jobs. Routes are records in one table, from which requests
 * are checked and the OpenAPI document is made. It knows neither tensors nor ONNX.
 */
export { type RunningServer, type ServerOptions, startServer } from "./start.ts";
export { createApp } from "./app.ts";
export type { Services } from "./http/services.ts";
export { DEFAULT_LIMITS, type Limits, LOOPBACK_HOSTS, type ServerSettings, SULCUS_VERSION } from "./settings.ts";
export { type LogEntry, type Logger, logToStderr } from "./observe/log.ts";
export { openApiDocument } from "./schemas/openapi.ts";
