/** Shows progress: one line that is rewritten on a terminal, plain lines elsewhere, or JSON lines. */
import type { Io } from "./io.ts";

export interface Step {
  readonly step: number;
  readonly steps: number;
  /** The current phase: "final", "fold 1 of 2", … */
  readonly phase?: string;
  readonly loss?: number;
  /** Default: from the pace so far. */
  readonly etaSeconds?: number;
}

const BAR = 24;
const JSON_MS = 1000;
const TERMINAL_MS = 100;
/** Without a terminal: a line every 10 %, and at least every minute. */
const PLAIN_SHARE = 0.1;
const PLAIN_MS = 60_000;

export class Progress {
  readonly #io: Io;
  readonly #json: boolean;
  readonly #clock: () => number;
  #phase: { readonly name?: string; readonly startedAt: number; readonly first: number } | undefined;
  #shown = { at: -Infinity, share: -Infinity };
  #onLine = false;

  /** @param options.clock milliseconds, for tests */
  constructor(io: Io, { json, clock = () => performance.now() }: { json: boolean; clock?: () => number }) {
    this.#io = io;
    this.#json = json;
    this.#clock = clock;
  }

  update(step: Step): void {
    const now = this.#clock();
    if (this.#phase === undefined || this.#phase.name !== step.phase) {
      this.#phase = { name: step.phase, startedAt: now, first: step.step };
      this.#shown = { at: -Infinity, share: -Infinity };
    }
    if (!this.#isDue(step, now)) return;
    this.#shown = { at: now, share: step.step / step.steps };
    const pace = (now - this.#phase.startedAt) / (step.step - this.#phase.first) / 1000;
    // A training reports 0 until its second step, because it cannot estimate earlier.
    const etaSeconds = step.etaSeconds || Math.round(pace * (step.steps - step.step));
    const known = { ...step, etaSeconds: Number.isFinite(etaSeconds) ? etaSeconds : undefined };
    if (this.#json) this.#io.out(JSON.stringify({ type: "progress", ...known }));
    else if (this.#io.isTerminal) this.#rewrite(`${barOf(known)}  ${lineOf(known)}`);
    else this.#io.err(`${lineOf(known)}\n`);
  }

  /** Prints a note that stays. */
  note(message: string): void {
    if (this.#json) return this.#io.out(JSON.stringify({ type: "log", message }));
    this.end();
    this.#io.err(`${message}\n`);
  }

  /** Clears the line of the bar. */
  end(): void {
    if (this.#onLine) this.#io.err("\r\x1b[K");
    this.#onLine = false;
  }

  #isDue({ step, steps }: Step, now: number): boolean {
    const passed = now - this.#shown.at;
    if (step === steps) return true;
    if (this.#json) return passed >= JSON_MS;
    if (this.#io.isTerminal) return passed >= TERMINAL_MS;
    return step / steps - this.#shown.share >= PLAIN_SHARE - 1e-9 || passed >= PLAIN_MS;
  }

  #rewrite(line: string): void {
    this.#io.err(`\r${line.slice(0, this.#io.columns - 1)}\x1b[K`);
    this.#onLine = true;
  }
}

function barOf({ step, steps }: Step): string {
  const full = Math.round(BAR * step / steps);
  return `[${"#".repeat(full)}${"-".repeat(BAR - full)}]`;
}

/** `fold 1 of 2  42 %  loss 0.312  2 min left` */
function lineOf({ step, steps, phase, loss, etaSeconds }: Step): string {
  return [
    ...phase ? [phase] : [],
    `${Math.floor(100 * step / steps)} %`,
    ...loss === undefined ? [] : [`loss ${loss.toPrecision(3)}`],
    ...etaSeconds === undefined || step === steps ? [] : [`${durationOf(etaSeconds)} left`],
  ].join("  ");
}

/** Seconds as people write them. */
export function durationOf(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
