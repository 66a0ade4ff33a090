import assert from "node:assert/strict";
import { type Line, recordOf } from "../testing/fixtures.ts";
import { ticksOf, toSvg } from "./chart.ts";

const LINES: readonly Line[] = [
  ["scratch", "20", 0, 0.2, 10],
  ["a <new> & long name", "20", 0, 0.3, null],
  ["scratch", "100", 0, 0.5, 10],
  ["a <new> & long name", "100", 0, 0.6, null],
  ["scratch", "20", 1, 0.3, 20],
  ["a <new> & long name", "20", 1, 0.1, null],
  ["scratch", "100", 1, 0.6, 20],
  ["a <new> & long name", "100", 1, 0.7, null],
];

/** Elements of a well-formed picture whose every number is one. */
function elementsOf(svg: string): { name: string; attributes: Map<string, string> }[] {
  const open: string[] = [], found: ReturnType<typeof elementsOf> = [];
  for (const [, close, name, attributes, single] of svg.matchAll(/<(\/?)([a-z]+)((?:\s[a-z0-9-]+="[^"]*")*)(\/?)>/gi)) {
    if (close) assert.equal(open.pop(), name);
    else {
      if (!single) open.push(name);
      const pairs = [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, k, v]) => [k, v] as const);
      found.push({ name, attributes: new Map(pairs) });
    }
  }
  assert.deepEqual(open, []);
  assert.equal(svg.match(/</g)!.length, svg.match(/<\/?[a-z]/gi)!.length, "text is escaped");
  assert.doesNotMatch(svg, /NaN|undefined|Infinity|null/);
  return found;
}

const inside = (elements: ReturnType<typeof elementsOf>) =>
  elements.filter((e) => e.name === "circle").every(({ attributes: a }) => {
    const [x, y] = [Number(a.get("cx")), Number(a.get("cy"))];
    return x > 0 && x < 640 && y >= 44 && y < 400;
  });

Deno.test("elementsOf() fails on what is not well-formed", () => {
  assert.throws(() => elementsOf("<svg><g></svg>"));
  assert.throws(() => elementsOf("<svg>a < b</svg>"));
  assert.throws(() => elementsOf('<svg><circle cx="NaN"/></svg>'));
});

Deno.test("toSvg() draws a bar for each group and metric and a point for each value", () => {
  const svg = toSvg(recordOf(LINES));
  const elements = elementsOf(svg);
  const count = (name: string) => elements.filter((e) => e.name === name).length;
  assert.deepEqual([count("rect"), count("circle"), count("path")], [1 + 4 + 2, 8 + 4, 4 + 2]);
  assert.ok(inside(elements));
  const heights = elements.filter((e) => e.name === "rect").slice(1, 5).map((e) => Number(e.attributes.get("height")));
  const places = [...svg.matchAll(/font-size="12"[^>]*>(20|100)</g)].map(([, at]) => at);
  assert.deepEqual(places, ["20", "100", "20", "100"]);
  assert.ok(heights[2] > heights[0] && heights[3] > heights[2], `${heights}`);
});

Deno.test("toSvg() draws a line for each variant over the places", () => {
  const svg = toSvg(recordOf(LINES, { chart: { kind: "lines", xName: "labelled, %" } }));
  const elements = elementsOf(svg);
  const curves = elements.filter((e) => e.name === "polyline").map((e) => e.attributes.get("points")!.split(" "));
  assert.deepEqual(curves.map((c) => c.length), [2, 2]);
  assert.equal(elements.filter((e) => e.name === "circle").length, 8);
  assert.ok(inside(elements));
  assert.match(svg, /labelled, %.*\n/);
  const y = (point: string) => Number(point.split(",")[1]);
  for (const curve of curves) assert.ok(y(curve[1]) < y(curve[0]), "more is higher up");
});

Deno.test("toSvg() finds room for the names of many variants, and draws no bars of costs", () => {
  const variants = ["a", "b", "c", "d", "e"];
  const many = variants.flatMap((v): Line[] => [[v, "4", 0, 0.5, 1], [v, "64", 0, 0.6, 1]]);
  const elements = elementsOf(toSvg(recordOf(many, { chart: { kind: "lines", xName: "patients" } })));
  assert.ok(inside(elements));
  const names = elements.filter((e) => e.name === "text" && e.attributes.get("font-size") === "12");
  assert.ok(names.every((e) => Number(e.attributes.get("x")) < 600 && Number(e.attributes.get("y")) <= 400));
  const cost = { key: "updates", name: "updates", better: "neither", digits: 0 } as const;
  assert.doesNotMatch(toSvg(recordOf(LINES, { metrics: [...recordOf([]).metrics, cost] })), /updates/);
});

Deno.test("toSvg() ends a whisker at 0 where no value is below, and names the better direction", () => {
  const svg = toSvg(recordOf([["scratch", "", 0, 0, 1], ["scratch", "", 1, 0.3, 9]]));
  const whiskers = elementsOf(svg).filter((e) => e.name === "path").map((e) => e.attributes.get("d")!);
  const lows = whiskers.map((d) => Number(d.match(/^M[\d.]+ ([\d.]+)V/)![1]));
  const axes = elementsOf(svg).filter((e) => e.attributes.get("stroke") === "#222" && e.name === "line");
  const bottom = Number(axes[0].attributes.get("y1"));
  assert.deepEqual(lows, [bottom, bottom]);
  assert.match(svg, />Dice \(higher is better\)</);
  assert.match(svg, />HD95, mm \(lower is better\)</);
});

Deno.test("toSvg() draws a record without rows", () => {
  assert.equal(elementsOf(toSvg(recordOf([]))).filter((e) => e.name === "circle").length, 0);
  assert.equal(elementsOf(toSvg(recordOf([], { chart: { kind: "lines", xName: "x" } }))).at(-1)!.name, "text");
});

Deno.test("ticksOf() are round and hold every value", () => {
  assert.deepEqual(ticksOf([0.13, 0.61]), [0, 0.2, 0.4, 0.6, 0.8]);
  assert.deepEqual(ticksOf([12, 87]), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticksOf([-0.5, 1]), [-0.5, 0, 0.5, 1]);
  assert.deepEqual(ticksOf([]).length > 1, true);
});
