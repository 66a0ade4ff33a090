/** The program of a device's process: a `DeviceHost` behind `serve()`. Started by `DeviceEngine`, never imported. */
import { serve } from "../../process/mod.ts";
import { DeviceHost } from "./host.ts";
import type { LoadParams, OpenParams, OpenReply, PutParams, RunParams } from "./messages.ts";

let host: DeviceHost;

const parent = serve({
  open: async (params: OpenParams): Promise<OpenReply> => {
    parent.removeWhenOrphaned([params.folder]);
    host = await DeviceHost.open(params);
    return host.device;
  },
  load: (params: LoadParams) => host.load(params),
  release: ({ session }: { session: number }) => host.release(session),
  run: (params: RunParams) => host.run(params),
  put: (params: PutParams) => host.put(params),
  get: ({ name }: { name: string }) => host.get(name),
  drop: ({ name }: { name: string }) => host.drop(name),
  rest: () => host.rest(),
});
