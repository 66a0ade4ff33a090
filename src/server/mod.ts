/**
 * The server: HTTP in front of the registry, data sets and jobs. Routes are records in one table, from which requests
 * are checked and the OpenAPI document is made. It knows neither tensors nor ONNX.
 */
export { type RunningServer, type ServerOptions, startServer } from "./start.ts";
export { createApp } from "./http/app.ts";
export type { Services } from "./services.ts";
export { DEFAULT_LIMITS, type Limits, LOOPBACK_HOSTS, type ServerSettings } from "./settings.ts";
export { type LogEntry, type Logger, logToStderr } from "./observe/log.ts";
export { SULCUS_VERSION } from "./routes/version.ts";
export { openApiDocument } from "./schemas/openapi.ts";
