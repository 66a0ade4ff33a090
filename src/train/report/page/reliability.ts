/** A reliability diagram: the share that came true against the probability, as an SVG picture. */
import { type Calibration, calibrationNote } from "../findings/calibration.ts";
import { escape } from "../parts.ts";

const [SIZE, LEFT, BOTTOM, EDGE] = [220, 34, 28, 8];

/** Perfect probabilities lie on the diagonal; a dot's area is the share of voxels or cases in its bin. */
export function reliabilitySvg(calibration: Calibration): string {
  const x = (p: number) => LEFT + (SIZE - LEFT - EDGE) * p, y = (p: number) => EDGE + (SIZE - BOTTOM - EDGE) * (1 - p);
  const most = Math.max(...calibration.bins.map(({ count }) => count));
  const dots = calibration.bins.map(({ probability, share, count }) => {
    const radius = Math.max(2, 8 * Math.sqrt(count / most));
    return `<circle cx="${x(probability).toFixed(1)}" cy="${y(share).toFixed(1)}" r="${radius.toFixed(1)}"/>`;
  });
  const path = calibration.bins.map(({ probability, share }, i) =>
    `${i === 0 ? "M" : "L"}${x(probability).toFixed(1)} ${y(share).toFixed(1)}`
  );
  const text = (px: number, py: number, anchor: string, t: string) =>
    `<text x="${px}" y="${py}" text-anchor="${anchor}">${t}</text>`;
  return `<svg viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label="${escape(calibrationNote(calibration))}">` +
    `<line x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/><line x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${
      y(0)
    }"/>` +
    `<line x1="${x(0)}" y1="${y(0)}" x2="${x(0)}" y2="${y(1)}"/><path d="${path.join("")}"/>${dots.join("")}` +
    text(x(0) - 5, y(1) + 9, "end", "1") + text(x(0) - 5, y(0), "end", "0") + text(x(0), y(0) + 14, "start", "0") +
    text(x(1), y(0) + 14, "end", "1") + text(x(0.5), y(0) + 22, "middle", "probability given") +
    `<text transform="translate(${x(0) - 12} ${y(0.5)}) rotate(-90)" text-anchor="middle">came true</text></svg>`;
}

export function calibrationHtml(calibrations: readonly Calibration[]): string {
  if (calibrations.length === 0) return "";
  const figures = calibrations.map((calibration) =>
    `<figure>${reliabilitySvg(calibration)}<figcaption>${escape(calibrationNote(calibration))}</figcaption></figure>`
  );
  return `<h2>Calibration</h2><p class="dim">How often a probability came true, on held-out patients; perfect ones lie on the ` +
    `diagonal.</p><div class="curves small">${figures.join("\n")}</div>`;
}
