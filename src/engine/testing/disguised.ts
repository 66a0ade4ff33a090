/** An engine under another name or with other methods, for tests of devices that are not at hand. */
import { Companions, type Engine } from "../mod.ts";

/** `engine` with `changes`, and with companions of its own. */
export function disguised(engine: Engine, changes: Partial<Engine>): Engine {
  return {
    provider: engine.provider,
    deviceName: engine.deviceName,
    precision: engine.precision,
    traits: engine.traits,
    lowering: engine.lowering,
    companions: new Companions(),
    load: engine.load.bind(engine),
    put: engine.put.bind(engine),
    get: engine.get.bind(engine),
    drop: engine.drop.bind(engine),
    peakBytes: engine.peakBytes.bind(engine),
    userPeakBytes: engine.userPeakBytes.bind(engine),
    forgetPeak: engine.forgetPeak.bind(engine),
    close: engine.close.bind(engine),
    ...changes,
  };
}
