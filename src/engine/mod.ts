/** Runs graphs on devices: engines, the devices of a machine, calibration and fallback. */
export {
  Companions,
  type Device,
  DEVICE_STATES,
  type Engine,
  type Resident,
  type RunOptions,
  type Session,
} from "./engine.ts";
export { EngineError, type EngineErrorCode } from "./errors.ts";
export { calibrate, type CalibrateOptions, type Calibration } from "./calibration/calibrate.ts";
export { type CostTable, costTablePath, type Work, type WorkTimes } from "./calibration/cost_table.ts";
export { Devices, openEngine, type Purpose } from "./choice/devices.ts";
export { type Fallback, type FallbackOptions, fallbackWarning, type Ran, withFallback } from "./choice/fallback.ts";
export { DeviceEngine, type EngineOptions } from "./device/device_engine.ts";
export { Borrowed, DEVICE, DEVICE_STARTED, Lender } from "./device/lending.ts";
export { Spool } from "./device/spool.ts";
export { forgetPeaks, peakOfWork } from "./peak.ts";
export { type Precision, PRECISIONS, type Traits } from "./providers/provider.ts";
export { loweringOf, type Provider, PROVIDERS, traitsOf } from "./providers/table.ts";
export type { LoadOptions } from "./runtimes/runtime.ts";
