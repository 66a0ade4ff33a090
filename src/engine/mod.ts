/** Runs graphs on devices: engines, their probing, calibration and fallback. */
export * from "./engine.ts";
export { Companions } from "./companions.ts";
export { loweringOf, traitsOf } from "./providers/table.ts";
export { calibrate, type CalibrateOptions, type Calibration } from "./calibration/calibrate.ts";
export { type CostTable, costTablePath } from "./calibration/cost_table.ts";
export { DeviceEngine, type EngineOptions } from "./device/device_engine.ts";
export { type Fallback, type FallbackOptions, fallbackWarning, type Ran, withFallback } from "./choice/fallback.ts";
export { Devices, openEngine } from "./choice/devices.ts";
