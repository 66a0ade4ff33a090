/** A device's process that loses its GPU on request, for a test. */
import { open } from "../runtimes/webgpu.ts";
import { serve } from "../../process/serve.ts";

serve({
  lose: async () => {
    const request = GPUAdapter.prototype.requestDevice;
    let device: GPUDevice | undefined;
    GPUAdapter.prototype.requestDevice = async function (...args) {
      return device = await request.apply(this, args);
    };
    await open();
    device!.destroy();
    await new Promise(() => {});
  },
});
