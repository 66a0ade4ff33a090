/** Post-processing as a text of one line writes it: `largest-component:csf+gm; smallest-size:0.02ml:lesion`. */

export const POSTPROCESSING_HELP = "largest-component, smallest-size:SIZE with ml or voxels, fill-holes; each with " +
  ":LABEL+LABEL for some labels, the first two with :together for them as one region; steps with ; between";

/** The steps in the manifest's terms, unchecked. @throws {RangeError} a size that is none */
export function readPostprocessing(text: string): unknown[] {
  return text.split(";").map((step) => {
    const [kind, ...rest] = step.trim().split(":").map((part) => part.trim());
    const size = kind === "smallest-size" ? sizeOf(rest.shift() ?? "") : {};
    const labels = rest.filter((word) => word !== "together").flatMap((word) => word.split("+"));
    return {
      kind,
      ...size,
      ...labels.length > 0 && { labels },
      ...rest.includes("together") && { together: true },
    };
  });
}

function sizeOf(text: string): { ml: number } | { voxels: number } {
  const [, number, unit] = /^([\d.]+)\s*(ml|voxels)$/i.exec(text) ?? [];
  if (unit === undefined) throw new RangeError(`expected a size such as 0.5ml or 20voxels, got ${text || "none"}`);
  return unit.toLowerCase() === "ml" ? { ml: Number(number) } : { voxels: Number(number) };
}
