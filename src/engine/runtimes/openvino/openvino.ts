/** Opens `openvino`: Intel's kernels on the processor, by OpenVINO's C interface. */
import { join } from "node:path";
import { cpus } from "node:os";
import type { Tensor } from "../../../tensor/mod.ts";
import { EngineError } from "../../errors.ts";
import type { Runtime, RuntimeOptions } from "../runtime.ts";
import { Api, Properties } from "./api.ts";
import { type OpenvinoLibrary, openvinoLibrary } from "./library.ts";
import { compile } from "./session.ts";
import { Buffers } from "./tensors.ts";

const DEVICE = "CPU";

export function open({ threads }: RuntimeOptions): Promise<Runtime<Tensor>> {
  const { core: path } = requireLibrary();
  const api = new Api(path), buffers = new Buffers();
  const core = api.made((out) => api.lib.ov_core_create(out));
  const properties = new Properties({
    // bfloat16 only where the graph says so: the device would take it everywhere
    INFERENCE_PRECISION_HINT: "f32",
    PERFORMANCE_HINT: "LATENCY",
    NUM_STREAMS: "1",
    INFERENCE_NUM_THREADS: String(threads),
    // other processes of this machine compute, too
    ENABLE_CPU_PINNING: "NO",
  });
  return Promise.resolve({
    deviceName: `${cpus()[0]?.model.trim() ?? "CPU"}, OpenVINO, ${threads} threads`,
    software: false,
    load: (path) => Promise.resolve(compile(api, path, { core, device: DEVICE, properties, buffers })),
    feed: (t) => t,
    hold: (t) => Promise.resolve(t),
    typeOf: ({ dtype, shape }) => ({ dtype, shape }),
    isOnDevice: () => false,
    download: (t) => Promise.resolve(t),
    dispose: (t) => buffers.giveBack(t),
  });
}

function requireLibrary(): OpenvinoLibrary {
  const { os, arch } = Deno.build, library = openvinoLibrary();
  if (library === undefined) {
    throw new EngineError("unsupported", `Cannot use OpenVINO: no version of it is pinned for ${os} ${arch}`);
  }
  const missing = library.names.filter((name) => !exists(join(library.folder, name)));
  if (missing.length === library.names.length) {
    throw new EngineError("unsupported", "Cannot use OpenVINO: it is not installed; `deno task openvino` installs it");
  }
  if (missing.length > 0) {
    throw new EngineError(
      "unsupported",
      `Cannot use OpenVINO: ${missing.join(" and ")} not found; \`deno task openvino\` installs it`,
    );
  }
  return library;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
