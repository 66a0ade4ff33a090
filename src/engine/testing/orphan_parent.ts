/**
 * The parent that a test kills: starts a run of a minute and then prints the process id of its device's child. Its
 * argument is the spool's folder.
 */
import { DeviceEngine } from "../device/device_engine.ts";
import { slowFeeds, slowModel } from "./slow_model.ts";

const engine = await DeviceEngine.open("cpu", { spoolDirectory: Deno.args[0] });
const session = await engine.load(slowModel(5000), { optimization: "disabled" });
await session.run(slowFeeds(), { onStart: () => console.log(engine.pid) });
