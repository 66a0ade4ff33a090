/** The files of a folder or archive in words: how many of which kind lie where. Names of files and people stay out. */

/** Folders of the known layouts; every other folder may have a patient's name. */
const FOLDERS = new Set(
  ["imagesTr", "labelsTr", "imagesTs", "labelsTs", "imagesVal", "labelsVal", "images", "labels", "cases", "HGG", "LGG"]
    .map((folder) => folder.toLowerCase()),
);
const ENDINGS = [
  ".nii.gz",
  ".nii",
  ".dcm",
  ".mha",
  ".mhd",
  ".nrrd",
  ".mgz",
  ".hdr",
  ".img",
  ".zip",
  ".json",
  ".csv",
  ".tsv",
  ".txt",
];
const MOST_GROUPS = 8;

/**
 * Counts files by place and ending.
 * @example inventory(["imagesTs/a.nii.gz", "x/y/b.dcm"]) // "1 .nii.gz in imagesTs, 1 .dcm 2 folders deep"
 */
export function inventory(paths: readonly string[]): string {
  if (paths.length === 0) return "no file at all";
  const groups = new Map<string, number>();
  for (const path of paths) {
    const folders = path.split("/").slice(0, -1);
    const known = folders.findLast((folder) => FOLDERS.has(folder.toLowerCase()));
    const lower = path.toLowerCase();
    const ending = ENDINGS.find((e) => lower.endsWith(e)) ?? "other";
    const group = `${ending} ${known === undefined ? depthWords(folders.length) : `in ${known}`}`;
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  const sorted = [...groups].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const shown = sorted.slice(0, MOST_GROUPS).map(([group, count]) => `${count} ${group}`);
  const more = sorted.slice(MOST_GROUPS).reduce((sum, [, count]) => sum + count, 0);
  return [...shown, ...more > 0 ? [`${more} more`] : []].join(", ");
}

function depthWords(depth: number): string {
  return depth === 0 ? "at the top" : depth === 1 ? "one folder deep" : `${depth} folders deep`;
}
