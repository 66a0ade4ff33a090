/**
 * The large arteries of the brain, which label maps lack and angiography shows: paths in standard space, drawn towards
 * the fluid that they run through and painted there only. Anatomically plausible, nobody's.
 */
import { applyAffine, invertAffine, stridesOf, type Triple } from "../../../src/volume/grid/grid.ts";
import { classOf } from "./classes.ts";

interface Path {
  /** mm in standard space; of the right side where `isPaired`. */
  readonly points: readonly Triple[];
  /** Radius at the start and at the end, mm. */
  readonly radii: readonly [number, number];
  readonly isPaired: boolean;
}

const PATHS: readonly Path[] = [
  // Carotid siphon, middle cerebral artery and its branches over the insula.
  { points: [[18, -2, -34], [14, 2, -28], [12, 6, -22], [14, 6, -16]], radii: [2.2, 2], isPaired: true },
  { points: [[14, 6, -16], [22, 6, -17], [30, 5, -16], [38, 2, -14]], radii: [1.6, 1.4], isPaired: true },
  {
    points: [[38, 2, -14], [41, 9, -6], [40, 14, 6], [38, 5, 14], [46, 0, 21], [56, -8, 28]],
    radii: [1.2, 0.6],
    isPaired: true,
  },
  {
    points: [[38, 2, -14], [42, -4, -4], [40, -10, 6], [42, -20, 14], [52, -28, 20], [60, -36, 28]],
    radii: [1.2, 0.6],
    isPaired: true,
  },
  {
    points: [[38, 2, -14], [45, -10, -10], [50, -22, -6], [56, -34, 2], [60, -46, 8]],
    radii: [1.1, 0.6],
    isPaired: true,
  },
  // Anterior cerebral arteries.
  { points: [[14, 6, -16], [8, 10, -14], [2, 13, -11]], radii: [1.3, 1.2], isPaired: true },
  {
    points: [[2, 13, -11], [2, 26, -10], [3, 37, 2], [3, 33, 14], [3, 20, 27], [3, 0, 34], [3, -20, 34], [4, -36, 28]],
    radii: [1.2, 0.6],
    isPaired: true,
  },
  { points: [[3, 37, 2], [4, 46, 14], [4, 40, 34], [4, 20, 48], [4, 0, 56]], radii: [0.9, 0.6], isPaired: true },
  // Vertebral, basilar, cerebellar and posterior cerebral arteries.
  { points: [[14, -46, -72], [9, -38, -62], [4, -30, -54], [0, -24, -48]], radii: [1.6, 1.5], isPaired: true },
  { points: [[0, -24, -48], [0, -17, -38], [0, -14, -28], [0, -16, -18]], radii: [1.8, 1.5], isPaired: false },
  {
    points: [[0, -16, -18], [9, -16, -16], [19, -20, -14], [25, -30, -10], [22, -42, -6], [16, -56, 2], [11, -72, 8]],
    radii: [1.3, 0.7],
    isPaired: true,
  },
  { points: [[25, -30, -10], [32, -40, -14], [38, -52, -14]], radii: [0.8, 0.6], isPaired: true },
  { points: [[14, 2, -17], [11, -6, -17], [9, -15, -16]], radii: [0.7, 0.7], isPaired: true },
  { points: [[0, -17, -21], [12, -26, -22], [22, -40, -22], [20, -54, -18]], radii: [0.8, 0.6], isPaired: true },
];

const FLUID = classOf("outer fluid");
const ARTERY = classOf("artery");
/** How far a path is drawn towards fluid, mm. */
const REACH = 6;
/** The same once the path is smooth: it must end in fluid, for nothing else is painted. */
const LAST_REACH = 3;
/** Distance of the points that are painted, as a share of a path's segment. */
const STEP = 0.05;

/** Paints arteries over outer fluid, in place. */
export function paintArteries(
  classes: Uint8Array,
  { sizeVox, toStandard }: { sizeVox: Triple; toStandard: readonly number[] },
): void {
  const fromStandard = invertAffine(toStandard);
  const before = classes.slice();
  for (const { points, radii, isPaired } of PATHS) {
    for (const side of isPaired ? [1, -1] : [1]) {
      const line = points.flatMap((_, i) => i === points.length - 1 ? [] : between(points, i))
        .map(([x, y, z]) => applyAffine(fromStandard, [side * x, y, z]));
      const wanted = smoothed(line.map((p) => nearestFluid(before, sizeVox, { place: p, reach: REACH })));
      const drawn = wanted.map((p) => nearestFluid(before, sizeVox, { place: p, reach: LAST_REACH }));
      drawn.forEach((p, i) => {
        const radius = radii[0] + (radii[1] - radii[0]) * i / drawn.length;
        paintBall(classes, sizeVox, { middle: p, radius });
      });
    }
  }
}

/** Points of a Catmull-Rom spline between two points of a path. */
function between(points: readonly Triple[], i: number): Triple[] {
  const [p, q] = [points[i], points[i + 1]], before = points[i - 1] ?? p, after = points[i + 2] ?? q;
  return Array.from({ length: Math.round(1 / STEP) }, (_, n) => {
    const t = n * STEP;
    const at = ([0, 1, 2] as const).map((a) => {
      const [u, v] = [(q[a] - before[a]) / 2, (after[a] - p[a]) / 2];
      return p[a] + u * t + (3 * (q[a] - p[a]) - 2 * u - v) * t * t + (2 * (p[a] - q[a]) + u + v) * t ** 3;
    });
    return [at[0], at[1], at[2]] as const;
  });
}

/** The voxel of fluid, with fluid around it, that is nearest to a place; the place where there is none. */
function nearestFluid(
  classes: Uint8Array,
  [nx, ny, nz]: Triple,
  { place, reach }: { place: Triple; reach: number },
): Triple {
  const [sx, sy] = stridesOf([nx, ny, nz]);
  const [x0, y0, z0] = place.map(Math.round);
  let best: Triple = place, least = Infinity;
  for (let x = Math.max(1, x0 - reach); x <= Math.min(nx - 2, x0 + reach); x++) {
    for (let y = Math.max(1, y0 - reach); y <= Math.min(ny - 2, y0 + reach); y++) {
      for (let z = Math.max(1, z0 - reach); z <= Math.min(nz - 2, z0 + reach); z++) {
        const i = x * sx + y * sy + z;
        if (classes[i] !== FLUID) continue;
        const around = Number(classes[i - 1] === FLUID) + Number(classes[i + 1] === FLUID) +
          Number(classes[i - sy] === FLUID) + Number(classes[i + sy] === FLUID) + Number(classes[i - sx] === FLUID) +
          Number(classes[i + sx] === FLUID);
        const cost = Math.hypot(x - place[0], y - place[1], z - place[2]) + 0.3 * (6 - around);
        if (cost >= least) continue;
        least = cost;
        best = [x, y, z];
      }
    }
  }
  return best;
}

const WINDOW = 5;

/** Moving means: a path does not jump from sulcus to sulcus. */
function smoothed(line: readonly Triple[]): Triple[] {
  return line.map((_, i) => {
    const own = line.slice(Math.max(0, i - WINDOW), i + WINDOW + 1);
    const mean = (a: 0 | 1 | 2) => own.reduce((sum, p) => sum + p[a], 0) / own.length;
    return [mean(0), mean(1), mean(2)];
  });
}

interface Ball {
  readonly middle: Triple;
  /** Voxels; the voxel in the middle is painted whatever the radius. */
  readonly radius: number;
}

function paintBall(classes: Uint8Array, [nx, ny, nz]: Triple, { middle, radius }: Ball): void {
  const [x0, y0, z0] = middle.map(Math.round), reach = Math.ceil(radius);
  for (let x = Math.max(0, x0 - reach); x <= Math.min(nx - 1, x0 + reach); x++) {
    for (let y = Math.max(0, y0 - reach); y <= Math.min(ny - 1, y0 + reach); y++) {
      for (let z = Math.max(0, z0 - reach); z <= Math.min(nz - 1, z0 + reach); z++) {
        const i = (x * ny + y) * nz + z, isMiddle = x === x0 && y === y0 && z === z0;
        if (classes[i] !== FLUID) continue;
        if (isMiddle || Math.hypot(x - middle[0], y - middle[1], z - middle[2]) <= radius) classes[i] = ARTERY;
      }
    }
  }
}
