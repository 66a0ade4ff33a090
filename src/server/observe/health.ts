/** The server's health: four checks, each bounded in time and run at most once a second. */
export const CHECKS = ["database", "storage", "device", "models"] as const;
export type CheckName = (typeof CHECKS)[number];
export const CHECK_STATES = ["ok", "pending", "failed"] as const;
export type CheckState = (typeof CHECK_STATES)[number];
export type CheckResults = Readonly<Record<CheckName, CheckState>>;

export interface HealthReport {
  readonly ready: boolean;
  readonly checks: CheckResults;
}

/** Resolves to "ok" or "pending"; throws on a failure. */
export type Check = () => Promise<"ok" | "pending">;

const CHECK_MS = 2000;
const FRESH_MS = 1000;

export class Health {
  readonly #checks: Readonly<Record<CheckName, Check>>;
  readonly #stopping: AbortSignal;
  #last: { readonly at: number; readonly report: Promise<HealthReport> } | undefined;
  #started = false;

  constructor(checks: Readonly<Record<CheckName, Check>>, stopping: AbortSignal) {
    this.#checks = checks;
    this.#stopping = stopping;
  }

  /** Can the server take work now? */
  async ready(): Promise<HealthReport> {
    const now = performance.now();
    if (this.#last === undefined || now - this.#last.at > FRESH_MS) this.#last = { at: now, report: this.#run() };
    const { ready, checks } = await this.#last.report;
    return { ready: ready && !this.#stopping.aborted, checks };
  }

  /** Was it ever ready? */
  async started(): Promise<HealthReport> {
    const report = await this.ready();
    return { ...report, ready: this.#started };
  }

  async #run(): Promise<HealthReport> {
    const results = await Promise.all(CHECKS.map(async (name): Promise<[CheckName, CheckState]> => {
      try {
        return [name, await deadline(this.#checks[name](), CHECK_MS)];
      } catch {
        return [name, "failed"];
      }
    }));
    const ready = results.every(([, state]) => state === "ok");
    this.#started ||= ready;
    return { ready, checks: Object.fromEntries(results) as Record<CheckName, CheckState> };
  }
}

/** Waits for `work`; rejects with a `TimeoutError` after `ms`. The work itself is not stopped. */
export async function deadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DOMException(`Took longer than ${ms} ms`, "TimeoutError")), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
