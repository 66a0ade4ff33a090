/** First guesses of a registration, from where the tissues lie and how far they reach. */
import { applyAffine, type GridImage, perAxis, type Triple } from "../grid/grid.ts";
import { type Motion, turned } from "./motion.ts";

/** Nods of the head that are tried, degrees. */
const NODS = [0, -20, 20];
/** A head above the neck: tissue so far below the top is left out where heads are put top on top, mm. */
const HEAD_MM = 150;
/** Scales by extent stay within these. */
const SCALES = { least: 0.75, most: 1.35 };

interface Extent {
  readonly middle: Triple;
  readonly low: Triple;
  readonly high: Triple;
}

/** Motions from one tissue (1 where there is any) to another: middle on middle, top on top, and where they lie already. */
export function startsOf(fixed: GridImage, moving: GridImage, { scales }: { scales: boolean }): Motion[] {
  const all = [fixed, moving].map((t) => extentOf(t, -Infinity));
  const tops = [fixed, moving].map((t, i) => extentOf(t, all[i].high[2] - HEAD_MM));
  const [a, b] = all, [ta, tb] = tops;
  const top: Triple = [tb.middle[0], tb.middle[1], tb.high[2] - (ta.high[2] - ta.middle[2])];
  const places = [
    { from: a.middle, to: b.middle, scale: scaleOf(a, b) },
    { from: ta.middle, to: top, scale: scaleOf(ta, tb) },
    { from: a.middle, to: a.middle, scale: 1 },
  ];
  return places.flatMap(({ from, to, scale }) =>
    (scales && scale !== 1 ? [1, scale] : [1]).flatMap((s) =>
      NODS.map((nod): Motion => ({ linear: turned([nod * Math.PI / 180, 0, 0], s), from, to }))
    )
  );
}

/** The ratio of the extents from side to side and front to back. */
function scaleOf(a: Extent, b: Extent): number {
  const widths = [a, b].map(({ low, high }) => Math.sqrt((high[0] - low[0]) * (high[1] - low[1])));
  return Math.min(Math.max(widths[1] / widths[0], SCALES.least), SCALES.most);
}

/** Middle and reach of the tissue above a height, millimetres. */
function extentOf({ data, sizeVox: [nx, ny, nz], affineRas }: GridImage, above: number): Extent {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity], sum = [0, 0, 0];
  let count = 0;
  for (let x = 0, v = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, v++) {
        if (data[v] === 0) continue;
        const p = applyAffine(affineRas, [x, y, z]);
        if (p[2] < above) continue;
        count++;
        p.forEach((mm, a) => {
          sum[a] += mm;
          low[a] = Math.min(low[a], mm);
          high[a] = Math.max(high[a], mm);
        });
      }
    }
  }
  return { middle: perAxis((a) => sum[a] / count), low: [low[0], low[1], low[2]], high: [high[0], high[1], high[2]] };
}
