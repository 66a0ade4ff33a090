/** Loads a network on the CPU's device process, with the environment that a test gives. */
import { DeviceEngine } from "../device/device_engine.ts";
import { slowModel } from "./slow_model.ts";

const engine = await DeviceEngine.open("cpu");
await engine.load(slowModel(1), { optimization: "disabled" });
await engine.close();
