/** Parts that the reports of trainings share: curves, tables, the style sheet. */

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
export const STYLE = `
:root{color-scheme:light dark;--line:light-dark(#d0d7de,#3a424c);--dim:light-dark(#57606a,#9aa6b6);
--soft:light-dark(#f6f8fa,#1a2027);--accent:light-dark(#0b5cad,#7cb7ff)}
html{background:light-dark(#fff,#12161b)}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1.5rem 1rem;color:light-dark(#1b1f24,#e6ebf2)}
h1{margin:0 0 .5rem}h2{margin:2rem 0 .5rem}h3{margin:1.5rem 0 .25rem}
.scroll,pre{overflow-x:auto}table{border-collapse:collapse}
table{margin:.5rem 0}td,th{padding:.25rem .75rem;border-bottom:1px solid var(--line);text-align:right;font-variant-numeric:tabular-nums}
thead th{color:var(--dim);font-weight:500}tbody th{font-weight:400}
th:first-child,td:first-child{text-align:left;padding-left:0}
.curves{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:1rem}
figure{margin:.75rem 0}figcaption,.dim{color:var(--dim);font-size:13px}
img{max-width:100%;border-radius:4px}svg{width:100%;height:auto;background:var(--soft);border-radius:4px}
summary{cursor:pointer;padding:.35rem 0}.result{font-size:1.25rem;line-height:1.4;margin:.25rem 0 1rem}
.warning{padding:.6rem .9rem;border-radius:4px;border-left:4px solid #bf8700;background:light-dark(#fff8c5,#3a2f12)}
.warning.severe{border-color:#cf222e;background:light-dark(#ffebe9,#45171b);font-weight:600}
.curves.small{grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr))}
.key{white-space:nowrap}.key::before{content:"";display:inline-block;width:.9em;height:.55em;margin:0 .3em 0 .6em;background:var(--key)}
.missed{--key:#ff4040}.found{--key:#40dc60}.hit{--key:#50a0ff}.false{--key:#ffd040}
svg circle{fill:var(--accent);fill-opacity:.55}
svg path{fill:none;stroke:var(--accent);stroke-width:1.5}svg line{stroke:var(--line)}svg text{fill:var(--dim);font-size:11px}
`;

/** A table; cells are HTML, the first of each row is its heading. */
export function tableHtml(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = ([first, ...rest]: readonly string[]) =>
    `<tr><th scope="row">${first}</th>${rest.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  return `<div class="scroll"><table><thead><tr>${
    heads.map((h) => `<th scope="col">${h}</th>`).join("")
  }</tr></thead>` +
    `<tbody>${rows.map(line).join("")}</tbody></table></div>`;
}

/** A curve as an SVG picture. */
export function lossSvg(name: string, points: readonly [number, number][]): string {
  const [width, height, left, right, top, bottom] = [420, 170, 46, 10, 12, 24];
  const steps = points.at(-1)?.[0] ?? 1, first = points.at(0)?.[0] ?? 1;
  const high = Math.max(...points.map(([, l]) => l)), low = Math.min(...points.map(([, l]) => l));
  const x = (s: number) => left + (width - left - right) * (s - first) / Math.max(steps - first, 1);
  const y = (l: number) => top + (height - top - bottom) * (high - l) / Math.max(high - low, 1e-9);
  const path = points.map(([s, l], i) => `${i === 0 ? "M" : "L"}${x(s).toFixed(1)} ${y(l).toFixed(1)}`).join("");
  const text = (px: number, py: number, anchor: string, t: string) =>
    `<text x="${px}" y="${py}" text-anchor="${anchor}">${t}</text>`;
  const line = (py: number) => `<line x1="${left}" x2="${width - right}" y1="${py}" y2="${py}"/>`;
  const label = `${escape(name)}: ${number(points.at(0)?.[1])} at first, ${number(points.at(-1)?.[1])} at the end`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">` +
    line(top) + line(height - bottom) + `<path d="${path}"/>` +
    text(left - 6, top + 4, "end", number(high)) + text(left - 6, height - bottom + 4, "end", number(low)) +
    text(left, height - 7, "start", `step ${first}`) + text(width - right, height - 7, "end", `step ${steps}`) +
    "</svg>";
}
