/** Plots of an experiment as SVG, 640×400: bars or lines of means with standard deviations, every seed a point. Pure. */
import { groupsOf, spreadOf, valuesOf } from "./spread.ts";
import type { ExperimentRecord, Metric } from "../types.ts";

const WIDTH = 640, HEIGHT = 400;
/** Grey and the colours of Okabe and Ito, which colour-blind people distinguish; words stand beside them as well. */
const COLOURS = ["#8a8f98", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00"];
const INK = "#222", GRID = "#ddd", FAINT = "#666";
/** Gap between the bars of two places, as a share of a bar's slot. */
const GAP = 0.6;

/** A mean with the values it is made of. */
interface Mark {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly number[];
}

/** Maps the data's numbers to places in the picture. */
interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly ticks: readonly number[];
}

/** The record as a picture. */
export function toSvg(record: ExperimentRecord): string {
  const body = record.chart.kind === "bars" ? bars(record) : lines(record, record.chart.xName);
  const title = text(WIDTH / 2, 22, record.title, { size: 15, anchor: "middle" });
  const shape = record.chart.kind === "bars" ? "bar" : "line";
  const legend = text(WIDTH - 10, HEIGHT - 8, `${shape}: mean; whisker: ± standard deviation over seeds; dot: a seed`, {
    size: 10,
    anchor: "end",
    colour: FAINT,
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `font-family="sans-serif">\n<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>\n` +
    `${[title, body, legend].join("\n")}\n</svg>\n`;
}

/** Rotation of a bar's name, degrees, and the approximate width of a letter, px. */
const TURN = 40, LABEL_PX = 6;

/** Panels side by side; more have no room for their bars' names. */
const PANELS = 2;

/** A panel of bars for each of the first metrics. */
function bars({ metrics: all, rows }: ExperimentRecord): string {
  const metrics = all.filter((m) => m.better !== "neither").slice(0, PANELS);
  const colours = coloursOf(rows.map((r) => r.variant));
  const width = WIDTH / metrics.length;
  return metrics.map((metric, i) => {
    const groups = groupsOf(rows);
    const marks = groups.map(({ variant, rows }): Mark => ({
      name: variant,
      colour: colours.get(variant)!,
      values: valuesOf(rows, metric),
    }));
    const ticks = ticksOf(marks.flatMap(extremes));
    const longest = Math.max(0, ...marks.map((m) => m.name.length));
    const bottom = HEIGHT - 50 - Math.ceil(longest * LABEL_PX * Math.sin(TURN * Math.PI / 180));
    const frame = { left: i * width + 62, right: (i + 1) * width - 10, top: 56, bottom, ticks };
    const places = [...new Set(groups.map((g) => g.at))];
    const slot = (frame.right - frame.left) / Math.max(1, marks.length + GAP * (places.length - 1));
    const xAt = (k: number) => frame.left + (k + 0.5 + GAP * places.indexOf(groups[k].at)) * slot;
    const drawn = marks.map((mark, k) => {
      const x = xAt(k), y = yOf(frame, 0);
      const label = text(x, frame.bottom + 14, mark.name, { size: 11, anchor: "end", turn: -TURN });
      const spread = spreadOf(mark.values);
      if (spread === null) return label;
      const top = yOf(frame, spread.mean), half = Math.min(24, 0.32 * slot);
      return [
        `<rect x="${n(x - half)}" y="${n(Math.min(top, y))}" width="${n(2 * half)}" height="${n(Math.abs(y - top))}" ` +
        `fill="${mark.colour}" fill-opacity="0.55"/>`,
        whisker(frame, x, mark),
        points(frame, x, mark),
        label,
      ].join("\n");
    });
    const headings = places.filter((at) => at !== "").map((at) => {
      const own = groups.flatMap((g, k) => g.at === at ? [xAt(k)] : []);
      return text((own[0] + own.at(-1)!) / 2, frame.top - 8, at, { size: 12, anchor: "middle" });
    });
    return [axis(frame, metric), ...headings, ...drawn].join("\n");
  }).join("\n");
}

/** The first metric over the places, a line for each variant. */
function lines({ metrics: [metric], rows }: ExperimentRecord, xName: string): string {
  const colours = coloursOf(rows.map((r) => r.variant));
  const groups = groupsOf(rows).map(({ at, variant, rows }) => ({
    x: Number(at),
    mark: { name: variant, colour: colours.get(variant)!, values: valuesOf(rows, metric) } as Mark,
  })).filter(({ mark }) => mark.values.length > 0);
  const ticks = ticksOf(groups.flatMap(({ mark }) => extremes(mark)));
  const legendRows = Math.ceil(colours.size / LEGEND_COLUMNS);
  const frame = { left: 64, right: WIDTH - 24, top: 56, bottom: HEIGHT - 74 - LEGEND_PX * legendRows, ticks };
  const places = [...new Set(groups.map((g) => g.x))].sort((a, b) => a - b);
  const [low, high] = [places[0], places.at(-1)!];
  const xOf = (x: number) =>
    high === low
      ? (frame.left + frame.right) / 2
      : frame.left + 40 + (x - low) / (high - low) * (frame.right - frame.left - 80);
  const drawn = [...colours].map(([variant, colour], k) => {
    const own = groups.filter(({ mark }) => mark.name === variant).sort((a, b) => a.x - b.x);
    const shift = Math.min(LINE_SHIFT, 44 / colours.size) * (k - (colours.size - 1) / 2);
    const legendX = frame.left + 190 * (k % LEGEND_COLUMNS);
    const legendY = HEIGHT - 36 - LEGEND_PX * (legendRows - 1 - Math.floor(k / LEGEND_COLUMNS));
    const path = own.map(({ x, mark }) => `${n(xOf(x) + shift)},${n(yOf(frame, spreadOf(mark.values)!.mean))}`).join(
      " ",
    );
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2.5"${dashed(k)}/>`,
      ...own.flatMap(({ x, mark }) => [whisker(frame, xOf(x) + shift, mark), points(frame, xOf(x) + shift, mark)]),
      `<path d="M${n(legendX)} ${n(legendY)}h30" stroke="${colour}" stroke-width="2.5"${dashed(k)}/>`,
      text(legendX + 38, legendY + 4, variant, { size: 12 }),
    ].join("\n");
  });
  return [
    axis(frame, metric),
    ...places.map((x) => text(xOf(x), frame.bottom + 18, String(x), { size: 11, anchor: "middle" })),
    text((frame.left + frame.right) / 2, frame.bottom + 38, xName, { size: 12, anchor: "middle" }),
    ...drawn,
  ].join("\n");
}

const LEGEND_COLUMNS = 3, LEGEND_PX = 16;

/** Distance of the variants' marks at one place, px, so that whiskers and seeds stand side by side. */
const LINE_SHIFT = 22;

/** The first line and every second one after it. */
const dashed = (k: number) => k % 2 === 1 ? "" : ' stroke-dasharray="7 4"';

function coloursOf(variants: readonly string[]): Map<string, string> {
  return new Map([...new Set(variants)].map((v, i) => [v, COLOURS[i % COLOURS.length]]));
}

/** The values of a mark that have to be inside the picture. */
function extremes(mark: Mark): number[] {
  return mark.values.length === 0 ? [] : [...mark.values, ...whiskerOf(mark)];
}

/** Mean minus and plus standard deviation; not below 0 unless a value is. */
function whiskerOf({ values }: Mark): [number, number] {
  const { mean, sd } = spreadOf(values)!;
  const low = mean - (sd ?? 0);
  return [Math.min(...values) >= 0 ? Math.max(0, low) : low, mean + (sd ?? 0)];
}

/** Round numbers from 0, or from below the least value, to above the greatest. */
export function ticksOf(values: readonly number[]): number[] {
  const low = Math.min(0, ...values), high = Math.max(0, ...values);
  const rough = (high - low || 1) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((f) => f * power >= rough * (1 - 1e-9))!;
  const first = Math.floor(low / step), last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function yOf({ top, bottom, ticks }: Frame, value: number): number {
  const low = ticks[0], high = ticks.at(-1)!;
  return bottom - (value - low) / (high - low) * (bottom - top);
}

function axis(frame: Frame, { name, better }: Metric): string {
  const { left, right, top, bottom, ticks } = frame;
  return [
    ...ticks.flatMap((t) => {
      const y = yOf(frame, t);
      return [
        `<line x1="${n(left)}" y1="${n(y)}" x2="${n(right)}" y2="${n(y)}" stroke="${t === 0 ? INK : GRID}"/>`,
        text(left - 6, y + 4, String(t).replace("-", "−"), { size: 11, anchor: "end" }),
      ];
    }),
    `<line x1="${n(left)}" y1="${n(top)}" x2="${n(left)}" y2="${n(bottom)}" stroke="${INK}"/>`,
    text(left - 44, (top + bottom) / 2, `${name} (${better} is better)`, { size: 12, anchor: "middle", turn: -90 }),
  ].join("\n");
}

/** The standard deviation about the mean. */
function whisker(frame: Frame, x: number, mark: Mark): string {
  if (spreadOf(mark.values)!.sd === null) return "";
  const [y1, y2] = whiskerOf(mark).map((v) => yOf(frame, v));
  const ends = [y1, y2].map((y) => `M${n(x - 5)} ${n(y)}H${n(x + 5)}`).join("");
  return `<path d="M${n(x)} ${n(y1)}V${n(y2)}${ends}" stroke="${INK}" stroke-width="1.3" fill="none"/>`;
}

/** Every seed, to the right of the whisker. */
function points(frame: Frame, x: number, { values, colour }: Mark): string {
  return values.map((v, i) => {
    const cx = x + 9 + Math.min(5, 10 / values.length) * i;
    return `<circle cx="${n(cx)}" cy="${
      n(yOf(frame, v))
    }" r="2.5" fill="${colour}" stroke="${INK}" stroke-width="0.7"/>`;
  }).join("");
}

interface TextOptions {
  readonly size: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly turn?: number;
  readonly colour?: string;
}

function text(
  x: number,
  y: number,
  content: string,
  { size, anchor = "start", turn, colour = INK }: TextOptions,
): string {
  const rotate = turn === undefined ? "" : ` transform="rotate(${turn} ${n(x)} ${n(y)})"`;
  return `<text x="${n(x)}" y="${n(y)}" font-size="${size}" text-anchor="${anchor}" fill="${colour}"${rotate}>` +
    `${escaped(content)}</text>`;
}

const n = (v: number) => String(Math.round(10 * v) / 10);

function escaped(s: string): string {
  return s.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
