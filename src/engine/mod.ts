/** Runs graphs on devices: engines, their probing, and the supervised child processes they (and others) live in. */
export * from "./engine.ts";
export { calibrate, type CalibrateOptions, type Calibration } from "./calibrate.ts";
export { type CostTable, costTablePath } from "./cost_table.ts";
export { DeviceEngine, type EngineOptions } from "./device_engine.ts";
export { type Fallback, type FallbackOptions, fallbackWarning, type Ran, withFallback } from "./fallback.ts";
export { giveBackMemory } from "./_memory.ts";
export { openEngine, probeDevices, readyProviders } from "./probe.ts";
export { emit, type Handler, type ParentWatch, serve } from "./serve.ts";
export { type Call, type CallOptions, Supervisor, type SupervisorOptions } from "./supervisor.ts";
export { RemoteError } from "./_wire.ts";
