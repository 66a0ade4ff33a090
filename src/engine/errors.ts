/** Why a device, or what it was asked, failed. */
export { EngineError, type EngineErrorCode } from "../process/mod.ts";
