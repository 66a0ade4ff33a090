/** The most work that one request may ask for. It is predicted from headers, before a voxel is read. */

export interface WorkBudget {
  /** Voxels of one volume, in its file and on the network's grid. */
  readonly voxels: number;
  /** Memory of one case or one update, bytes. */
  readonly memoryBytes: number;
  /** Windows of one case. */
  readonly windows: number;
  /** Time that the windows of one case may be expected to take, once some have run. */
  readonly seconds: number;
}

/** The variables that set it, by which a server sets it for its children too. Gigabytes are GiB. */
const VARIABLES = {
  voxels: "SULCUS_WORK_VOXELS",
  memoryBytes: "SULCUS_WORK_GIGABYTES",
  windows: "SULCUS_WORK_WINDOWS",
  seconds: "SULCUS_WORK_SECONDS",
} as const satisfies Record<keyof WorkBudget, string>;

const UNITS = { voxels: 1, memoryBytes: 2 ** 30, windows: 1, seconds: 1 } as const;

/** Why a variable cannot be used; null: each is absent or a number. For programs, before they begin. */
export function wrongBudgetVariable(env: Readonly<Record<string, string | undefined>>): string | null {
  const wrong = Object.values(VARIABLES).find((name) => env[name] && !(Number(env[name]) > 0));
  return wrong === undefined ? null : `Cannot use ${wrong}: expected a number above 0, got "${env[wrong]}"`;
}

/** A variable's number in the budget's unit. */
function set(name: keyof WorkBudget): number | undefined {
  const value = Number(Deno.env.get(VARIABLES[name]) || NaN);
  return value > 0 ? value * UNITS[name] : undefined;
}

/**
 * What the variables say. Without them a scan of 512×512×512 fits, whatever the machine; memory is half of the machine's,
 * but at least 4 GiB; the time is below that after which a request is stopped.
 */
export const DEFAULT_BUDGET: WorkBudget = {
  voxels: set("voxels") ?? 2 ** 27,
  memoryBytes: set("memoryBytes") ?? Math.max(Deno.systemMemoryInfo().total / 2, 4 * 2 ** 30),
  windows: set("windows") ?? 50_000,
  seconds: set("seconds") ?? 1500,
};

/** The variables by which a child gets a budget. */
export function budgetVariables(budget: WorkBudget): Record<string, string> {
  const names = Object.keys(VARIABLES) as (keyof WorkBudget)[];
  return Object.fromEntries(names.map((name) => [VARIABLES[name], String(budget[name] / UNITS[name])]));
}

/** Voxels along one axis: no scan of a head has so many. */
export const MOST_ALONG_AXIS = 4096;

/** Bytes in words: "1.5 GiB", "14 KiB". */
export function inBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.max(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), 0), units.length - 1);
  return `${Number((bytes / 2 ** (10 * power)).toPrecision(3))} ${units[power]}`;
}
