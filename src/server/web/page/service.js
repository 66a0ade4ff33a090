// @ts-check
// The service: its health, versions and devices.

/** @import { Health, Version } from "./api.d.ts" */
import { call } from "./api.js";
import { badge, column, h, redraw, table } from "./dom.js";

/** @type {Version | undefined} */
let known;

export async function refreshService() {
  /** @type {Health} */
  const { status, checks } = await (await fetch("/health/ready")).json(); // also while the reply is 503
  redraw("state", status, () => badge(status));
  const version = known ?? await call("GET /version");
  if (version.devices.length > 0) known = version; // none: they are still being probed
  redraw("service-facts", [checks, version], () => [
    h(
      "p",
      {},
      `${version.name} ${version.version}, commit ${version.commit}, ONNX Runtime ${version.onnxruntime}, ` +
        `Deno ${version.deno}`,
    ),
    h(
      "p",
      { className: "checks" },
      ...Object.entries(checks).map(([name, word]) => h("span", {}, `${name} `, badge(word))),
    ),
    h(
      "div",
      { className: "scroll" },
      table(
        [column("Device"), column("Name"), column("State"), column("Why")],
        version.devices.map((d) => [d.provider, d.name, badge(d.state), d.reason ?? ""]),
      ),
    ),
  ]);
}
