/** One pre-training by BrainMVP: state, feeds and programs of its steps, and its templates. */
import type { Engine } from "../../../engine/mod.ts";
import type { Graph } from "../../../graph/mod.ts";
import { MODALITIES, type Modality, writeTemplate } from "../../../inference/mod.ts";
import { buildNetwork, initialWeights, isBuffer, parametersOf } from "../../../nets/mod.ts";
import { type Random, type Tensor, tensor } from "../../../tensor/mod.ts";
import type { Triple } from "../../../volume/mod.ts";
import type { CaseStore } from "../../data/case_store.ts";
import type { PretrainingVolumes } from "../../data/unlabelled_cases.ts";
import {
  compiled,
  type CompileOptions,
  type MicroBatch,
  type Program,
  startState,
  type StateTensor,
  zeros,
  zeroState,
} from "../../loop/program.ts";
import type { MethodContext, MethodRun, MicroBatchRequest } from "../method.ts";
import { drawPretrainingSample, grouped, meanPredictorError, sampleFeeds } from "./sample.ts";
import type { ResolvedBrainmvp } from "./settings.ts";
import { pretrainingStep } from "./step.ts";
import { meanOf, templateMiddle, templatesPng } from "./templates.ts";

export class BrainmvpRun implements MethodRun {
  readonly state: ReadonlyMap<string, StateTensor>;
  readonly #recipe: ResolvedBrainmvp;
  readonly #cases: CaseStore<PretrainingVolumes>;
  readonly #modalities: readonly Modality[];
  readonly #random: Random;
  readonly #network: Graph;
  readonly #weights: ReadonlyMap<string, Tensor>;
  readonly #programs = new Map<string, Program>();
  readonly #compile: CompileOptions;

  constructor(recipe: ResolvedBrainmvp, { cases, modalities, weights, random, compile }: MethodContext) {
    const { network, seed, batch: { size }, roi } = recipe;
    this.#recipe = recipe;
    this.#cases = cases;
    this.#compile = compile;
    this.#modalities = modalities;
    this.#random = random;
    this.#weights = weights ?? initialWeights(network, { seed });
    this.#network = buildNetwork(network, {
      input: [2 * size, 1, ...roi],
      weights: this.#weights,
      outputs: "training",
    });
    const program = this.#program([size], true, compile.onLog);
    const own = [...startState(program, this.#network)].filter(([name]) => !isOfTemplate(name));
    const shape = recipe.templates.sizeVox;
    const prefixes = ["m/", "v/", ...(this.#accumulates ? ["sum/"] : [])];
    const templates = modalities.flatMap((m): [string, StateTensor][] => [
      [`template/${m}`, { shape, start: () => this.#startOf(m) }],
      ...prefixes.map((p): [string, StateTensor] => [`${p}template/${m}`, zeroState(`${p}template/${m}`, shape)]),
    ]);
    this.state = new Map([...own, ...templates]);
  }

  get #accumulates(): boolean {
    const { replicas, accumulation } = this.#recipe.batch;
    return replicas * accumulation > 1;
  }

  async #startOf(modality: Modality): Promise<Tensor> {
    const { templates, spacingMm } = this.#recipe;
    if (templates.start === "zero") return zeros(templates.sizeVox);
    const mean = await meanOf(modality, this.#cases, { spacingMm, templates });
    return tensor("float32", templates.sizeVox, mean);
  }

  /** The graph for so many samples of each selected template. */
  #program(runs: readonly number[], last: boolean, onLog?: (message: string) => void): Program {
    const key = `${runs} ${last}`;
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const { network, weights, temperature, optimizer, templates, batch } = this.#recipe;
    const trained = new Set(parametersOf(network).filter((p) => !p.buffer && !isBuffer(p.key)).map((p) => p.key));
    const step = pretrainingStep(this.#network, {
      weights,
      temperature,
      optimizer,
      templates: {
        ...templates,
        runs,
        resting: templates.others === "zeroGradient" ? this.#modalities.length - runs.length : 0,
      },
      isTrainable: (name) => trained.has(name),
      ...(this.#accumulates && { accumulate: { of: batch.replicas * batch.accumulation, last } }),
    });
    const program = compiled(step, { ...this.#compile, onLog });
    this.#programs.set(key, program);
    return program;
  }

  async micro({ cases, epoch, isLast, rates, random }: MicroBatchRequest): Promise<MicroBatch> {
    const recipe = this.#recipe;
    const { weights, modalitySampling } = recipe;
    const place = modalitySampling === "perSample"
      ? null
      : random.integer(recipe.modalitiesPerCase ?? MODALITIES.length);
    const drawn = [];
    for (const [i, c] of cases.entries()) {
      const volumes = await this.#cases.get(c);
      drawn.push(drawPretrainingSample(volumes, {
        recipe,
        random: random.fork(`sample ${i}`),
        order: this.#random.fork(`modalities of case ${c}`).shuffle([...volumes.modalities]),
        place,
        templateOnly: epoch < recipe.crossModalFromEpoch,
      }));
    }
    const groups = grouped(drawn), samples = groups.flat();
    const selected = groups.map(([{ modality }]) => modality);
    const slots = [...selected, ...this.#modalities.filter((m) => !selected.includes(m))];
    const program = this.#program(groups.map((g) => g.length), isLast);
    const contrastWeight = epoch < recipe.contrastFromEpoch ? 0 : weights.contrast;
    return {
      program,
      feeds: {
        ...sampleFeeds(samples, recipe),
        ...rates,
        contrastWeight: tensor("float32", [], [contrastWeight]),
      },
      tensorOf: (name) => name.replace(/template\/(\d+)$/, (_, k) => `template/${slots[k]}`),
      values: {
        cmrShare: samples.filter((s) => s.crossCounts).length / samples.length,
        meanPredictor: meanPredictorError(samples),
      },
    };
  }

  async picture(engine: Engine): Promise<Uint8Array> {
    const templates = new Map<Modality, Float32Array>();
    for (const m of this.#modalities) templates.set(m, (await engine.get(`template/${m}`)).data as Float32Array);
    return templatesPng(templates, this.#recipe.templates.sizeVox);
  }

  /** The network with trained weights, for one volume. */
  inference(state: ReadonlyMap<string, Tensor>): Graph {
    const { network, roi } = this.#recipe;
    const weights = new Map([...this.#weights, ...[...state].filter(([name]) => this.#weights.has(name))]);
    return buildNetwork(network, { input: [1, 1, ...roi], weights, outputs: "training" });
  }

  /** Writes the templates; their middle lies where the images' middles lie. */
  async writeFiles(directory: string, state: ReadonlyMap<string, Tensor>): Promise<void> {
    const { sizeVox, spacingMm } = this.#recipe.templates;
    const centres: Triple[] = [];
    for (let i = 0; i < this.#cases.length; i++) centres.push((await this.#cases.get(i)).centreMm);
    const middleMm = this.#recipe.align === "anatomy" ? [0, 0, 0] as const : templateMiddle(centres);
    for (const m of this.#modalities) {
      const data = state.get(`template/${m}`)!.data as Float32Array;
      await writeTemplate(directory, m, { data, sizeVox, spacingMm, middleMm });
    }
  }
}

const isOfTemplate = (name: string) => /(^|\/)template\/\d+$/.test(name);
