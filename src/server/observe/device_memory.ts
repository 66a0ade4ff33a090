/** Memory of the host and of NVIDIA devices; the latter as the driver's own tool reports it, at most every ten seconds. */
import { deadline } from "./health.ts";

export interface DeviceMemory {
  /** "host", or "cuda:0". */
  readonly device: string;
  readonly total: number;
  readonly free: number;
}

const FRESH_MS = 10_000;
const TOOL_MS = 2000;
const TOOL = {
  command: "nvidia-smi",
  args: ["--query-gpu=index,memory.total,memory.free", "--format=csv,noheader,nounits"],
} as const;

export class DeviceMemories {
  readonly #runTool: () => Promise<string>;
  readonly #now: () => number;
  #last: { readonly at: number; readonly devices: Promise<readonly DeviceMemory[]> } | undefined;

  /** `runTool` gives the tool's output; a test passes its own, and a clock. */
  constructor({ runTool = runNvidiaSmi, now = () => performance.now() }: {
    readonly runTool?: () => Promise<string>;
    readonly now?: () => number;
  } = {}) {
    this.#runTool = runTool;
    this.#now = now;
  }

  async read(): Promise<readonly DeviceMemory[]> {
    const { total, available } = Deno.systemMemoryInfo();
    if (this.#last === undefined || this.#now() - this.#last.at > FRESH_MS) {
      this.#last = { at: this.#now(), devices: this.#readDevices() };
    }
    return [{ device: "host", total, free: available }, ...await this.#last.devices];
  }

  /** Most machines have no such tool: then there are no such devices. */
  async #readDevices(): Promise<readonly DeviceMemory[]> {
    try {
      return parseNvidia(await deadline(this.#runTool(), TOOL_MS));
    } catch {
      return [];
    }
  }
}

/** Lines such as `0, 81559, 80913`, in MiB. */
export function parseNvidia(text: string): DeviceMemory[] {
  return text.split("\n").flatMap((line) => {
    const [, index, total, free] = /^\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*$/.exec(line) ?? [];
    if (index === undefined) return [];
    return [{ device: `cuda:${index}`, total: Number(total) * 2 ** 20, free: Number(free) * 2 ** 20 }];
  });
}

async function runNvidiaSmi(): Promise<string> {
  const { command, args } = TOOL;
  const { stdout } = await new Deno.Command(command, { args: [...args], stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}
