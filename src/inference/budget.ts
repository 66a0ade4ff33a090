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

/**
 * A scan of 512×512×512 fits, whatever the machine; memory is half of the machine's, but at least 4 GiB; the time is below
 * that after which a request is stopped.
 */
export const DEFAULT_BUDGET: WorkBudget = {
  voxels: 2 ** 27,
  memoryBytes: Math.max(Deno.systemMemoryInfo().total / 2, 4 * 2 ** 30),
  windows: 50_000,
  seconds: 1500,
};

/** Voxels along one axis: no scan of a head has so many. */
export const MOST_ALONG_AXIS = 4096;

/** Bytes in words: "1.5 GiB", "14 KiB". */
export function inBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.max(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), 0), units.length - 1);
  return `${Number((bytes / 2 ** (10 * power)).toPrecision(3))} ${units[power]}`;
}
