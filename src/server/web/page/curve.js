// @ts-check
// The loss curve of a training.

/** @import { Progress } from "./state.js" */
import { svg } from "./dom.js";
import { number } from "./words.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 190, 46, 10, 10, 24];

/**
 * Loss over steps; a line for each phase of the training, the last one in colour.
 * @param {Progress[]} progress of which each has a loss
 */
export function lossCurve(progress) {
  const points = progress.map(({ loss = NaN, ...rest }) => ({ loss, ...rest }));
  const losses = points.map((p) => p.loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const steps = Math.max(...points.map((p) => p.steps));
  /** @param {number} step */
  const x = (step) => LEFT + (WIDTH - LEFT - RIGHT) * step / steps;
  /** @param {number} loss */
  const y = (loss) => TOP + (HEIGHT - TOP - BOTTOM) * (high - loss) / Math.max(high - low, 1e-9);
  const phases = [...new Set(points.map((p) => p.phase))];
  const lines = phases.map((phase, i) =>
    svg("polyline", {
      class: i === phases.length - 1 ? "curve" : "curve former",
      points: points.filter((p) => p.phase === phase).map((p) => `${x(p.step).toFixed(1)},${y(p.loss).toFixed(1)}`)
        .join(" "),
    })
  );
  const last = points[points.length - 1];
  const label = `Loss ${number(last.loss, 4)} at step ${last.step} of ${last.steps}`;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    svg("rect", { class: "frame", x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM, rx: 4 }),
    text(LEFT - 6, TOP + 10, "end", number(high)),
    text(LEFT - 6, HEIGHT - BOTTOM, "end", number(low)),
    text(LEFT, HEIGHT - 8, "start", `loss, ${phases[phases.length - 1] ?? "training"}`),
    text(WIDTH - RIGHT, HEIGHT - 8, "end", `step ${steps}`),
    ...lines,
  );
}

/**
 * @param {number} x
 * @param {number} y
 * @param {"start" | "end"} anchor
 * @param {string} content
 */
const text = (x, y, anchor, content) => svg("text", { x, y, "text-anchor": anchor }, content);
