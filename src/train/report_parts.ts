/** What the reports of trainings share: curves, and how a page looks. */

/** Points kept of a loss curve. */
const CURVE_POINTS = 400;

/** The curve as [step, mean loss since the point before]. */
export function curve(losses: readonly number[]): [number, number][] {
  const width = Math.max(1, Math.ceil(losses.length / CURVE_POINTS));
  return Array.from({ length: Math.ceil(losses.length / width) }, (_, i) => {
    const part = losses.slice(i * width, (i + 1) * width);
    return [Math.min((i + 1) * width, losses.length), part.reduce((a, b) => a + b, 0) / part.length];
  });
}

export const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Three digits after the point. */
export const number = (v: number | null | undefined) => (v == null ? "–" : v.toFixed(3));

/** The style sheet of a report. */
export const STYLE =
  "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}" +
  "table{border-collapse:collapse}td,th{padding:.25rem .75rem;border-bottom:1px solid #d0d7de;text-align:right}" +
  "td:first-child,th:first-child{text-align:left}figure{display:inline-block;margin:.5rem 1rem .5rem 0}" +
  "figcaption{color:#57606a;font-size:13px}img{max-width:100%;border-radius:4px}svg{background:#f6f8fa;border-radius:4px}";

/** A curve as an SVG picture. */
export function lossSvg(points: readonly [number, number][]): string {
  const width = 420, height = 160, pad = 34;
  const steps = points.at(-1)?.[0] ?? 1;
  const top = Math.max(...points.map(([, l]) => l)), low = Math.min(...points.map(([, l]) => l));
  const x = (s: number) => pad + (width - pad - 8) * s / steps;
  const y = (l: number) => 8 + (height - 8 - 20) * (top - l) / Math.max(top - low, 1e-9);
  const path = points.map(([s, l], i) => `${i === 0 ? "M" : "L"}${x(s).toFixed(1)} ${y(l).toFixed(1)}`).join("");
  const text = (px: number, py: number, t: string) =>
    `<text x="${px}" y="${py}" font-size="11" fill="#57606a">${t}</text>`;
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">` +
    `<path d="${path}" fill="none" stroke="#0969da" stroke-width="1.5"/>` +
    text(2, y(top) + 8, number(top)) + text(2, y(low), number(low)) + text(width - 60, height - 4, `${steps} steps`) +
    "</svg>";
}
