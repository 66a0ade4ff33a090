/** Feeds a target with damaged inputs. An input that is neither read nor refused in words, or takes long, is a finding. */
import process from "node:process";
import { Random } from "../../src/tensor/mod.ts";
import { mutated } from "./mutate.ts";
import type { Target } from "./targets.ts";

export interface FuzzOptions {
  readonly seed: number;
  /** How many inputs; Infinity: until the time is over. */
  readonly inputs: number;
  readonly seconds?: number;
  /** Longest processor time of one input, ms; it may last {@link MOST_WAITS} times as long. Default 10000. */
  readonly slowMs?: number;
}

export interface Finding {
  readonly target: string;
  /** With the seed, names the input. */
  readonly index: number;
  readonly what: string;
  /** Base64 of the input. */
  readonly input: string;
}

export interface Outcome {
  readonly target: string;
  readonly inputs: number;
  readonly read: number;
  readonly refused: number;
  readonly findings: readonly Finding[];
}

const MOST_FINDINGS = 10;
/** A busy machine lets an input wait: only what lasts so much longer than its processor time may is stuck. */
const MOST_WAITS = 30;

/** Processor time of this process so far, ms. */
function spentMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export async function fuzz(
  target: Target,
  { seed, inputs, seconds = Infinity, slowMs = 10_000 }: FuzzOptions,
): Promise<Outcome> {
  const seeds = await target.seeds(), damage = target.damage ?? mutated;
  const random = new Random(`${target.name} ${seed}`);
  const findings: Finding[] = [];
  const end = performance.now() + seconds * 1000;
  let index = 0, read = 0, refused = 0;
  for (; index < inputs && performance.now() < end && findings.length < MOST_FINDINGS; index++) {
    const input = damage(seeds[index % seeds.length], random);
    const began = performance.now(), before = spentMs();
    let what = "";
    try {
      await target.read(input);
      read++;
    } catch (error) {
      if (isRefusal(error)) refused++;
      else what = String(error instanceof Error ? error.stack : error);
    }
    const tookMs = Math.round(performance.now() - began), usedMs = Math.round(spentMs() - before);
    const isSlow = usedMs > slowMs || tookMs > MOST_WAITS * slowMs;
    if (what === "" && isSlow) what = `took ${usedMs} ms of processor time, ${tookMs} ms in all`;
    if (what !== "") findings.push({ target: target.name, index, what, input: input.toBase64() });
  }
  return { target: target.name, inputs: index, read, refused, findings };
}

/** What V8 itself says of mistakes in a program. */
const OF_THE_ENGINE =
  /^Cannot (read|set|destructure|delete) propert|^Cannot (access '|convert (undefined|a )|mix |assign to|redefine|create propert)/;

/** Our refusals say what cannot be done; JSON's and zod's own errors are refusals too. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (/^(Domain|Volume|Inference|Training|Zod)Error$/.test(error.name)) return true;
  if (error instanceof SyntaxError) return true;
  return /^Cannot [a-z]/.test(error.message) && !OF_THE_ENGINE.test(error.message);
}
