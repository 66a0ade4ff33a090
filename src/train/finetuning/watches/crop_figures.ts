/** Answers of a network in training on crops: its weights are those that lie on the device at the moment. */
import type { Engine, Session } from "../../../engine/mod.ts";
import { encodeModel, type Graph } from "../../../graph/mod.ts";
import { tensor, toNumbers } from "../../../tensor/mod.ts";
import { joined } from "../../data/crops.ts";
import type { Sample } from "../../data/augment.ts";
import { memoryBudget } from "../../loop/fit.ts";
import { compiled } from "../../loop/program.ts";
import { CROP_SUMS, cropSums } from "../../step/crop_sums.ts";

/** One label or class of one crop: Σ p·t, Σ p and Σ t. */
export interface CropSum {
  readonly both: number;
  readonly own: number;
  readonly other: number;
}

export interface CropFiguresOptions {
  readonly engine: Engine;
  /** In training form. */
  readonly network: Graph;
  readonly step: Parameters<typeof cropSums>[1];
}

/** A call that takes longer than this has hung. */
const CALL_TIMEOUT_MS = 600_000;

export class CropFigures {
  readonly #options: CropFiguresOptions;
  readonly #graph: Graph;
  #session: Session | undefined;
  #seconds = 0;

  constructor(options: CropFiguresOptions) {
    const { engine, network, step } = options;
    this.#options = options;
    const budgetBytes = memoryBudget(engine.traits);
    const graph = cropSums(network, step);
    this.#graph = compiled({ graph, state: new Map() }, { device: engine, budgetBytes }).graph;
  }

  /** Time that its answers took so far. */
  get seconds(): number {
    return this.#seconds;
  }

  /** The sums of every crop, by label or class. Only the first view of a crop is shown. */
  async of(samples: readonly Sample[]): Promise<CropSum[][]> {
    const begun = performance.now(), graph = this.#graph;
    this.#session ??= await this.#options.engine.load(encodeModel(graph, { openSizes: true }));
    const [image, target] = ["image", "target"].map((name) => graph.types.get(name)!.shape);
    const held = graph.inputs.filter((name) => name !== "image" && name !== "target");
    const residents = Object.fromEntries(held.map((name) => [name, { resident: name }]));
    const found: CropSum[][] = [], together = image[0];
    for (let from = 0; from < samples.length; from += together) {
      const own = samples.slice(from, from + together);
      // a pass takes a fixed number of crops: the last ones are filled up
      const filled = Array.from({ length: together }, (_, k) => own[Math.min(k, own.length - 1)]);
      const feeds = {
        image: tensor("float32", image, joined(filled.map(({ views: [view] }) => view))),
        target: tensor("float32", target, joined(filled.map((sample) => sample.target))),
      };
      const outputs = await this.#session.run({ ...feeds, ...residents }, { timeoutMs: CALL_TIMEOUT_MS });
      const [both, mine, other] = CROP_SUMS.map((name) => toNumbers(outputs[name]));
      const count = both.length / together;
      own.forEach((_, k) => {
        const at = Array.from({ length: count }, (_, c) => k * count + c);
        found.push(at.map((i) => ({ both: both[i], own: mine[i], other: other[i] })));
      });
    }
    this.#seconds += (performance.now() - begun) / 1000;
    return found;
  }

  async end(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    // a device that failed is gone with all that it held
    await session?.release().catch(() => {});
  }
}
