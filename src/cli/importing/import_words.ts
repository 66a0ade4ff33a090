/** The lines that `sulcus import` prints: the report of an import, and what a file holds. */
import type { ModelVersion } from "../../registry/mod.ts";
import type { GraphFacts, ImportReport, Inspection, TensorFacts } from "../../weights/mod.ts";

const MOST_KEYS = 4, MOST_MAPS = 40;

/** Texts come from the file: only harmless characters are printed. */
const shown = (text: string) => text.replaceAll(/[^\w.:/ *+-]/g, "?").slice(0, 80);

function keysOf(keys: readonly string[]): string {
  const some = keys.slice(0, MOST_KEYS).map(shown);
  return keys.length > some.length ? `${some.join(", ")}, … (${keys.length})` : some.join(", ");
}

const configOf = (config: Readonly<Record<string, unknown>>) =>
  Object.entries(config).map(([field, value]) => `${field} ${Array.isArray(value) ? value.join("-") : value}`).join(
    ", ",
  );

const line = (what: string, text: string) => `  ${what.padEnd(10)} ${text}`;
const assumedLines = (assumed: readonly string[]) => assumed.map((what) => line("assumed", what));

/** The report of an import. */
export function reportLines({ name, version, manifest }: ModelVersion, report: ImportReport): string[] {
  const { kind, config } = report.network;
  const dropped = Map.groupBy(report.dropped, ({ why }) => why);
  return [
    `Made ${name} version ${version}, a candidate: ${manifest.task}, ${kind} (${configOf(config)})`,
    line("loaded", `${report.loaded.length} tensors`),
    ...[...dropped].map(([why, entries]) => line("dropped", `${keysOf(entries.map((e) => e.key))}: ${why}`)),
    ...report.missing.length > 0 ? [line("missing", `${keysOf(report.missing)}: fresh`)] : [],
    ...report.templates.length > 0 ? [line("templates", report.templates.join(", "))] : [],
    ...[...Map.groupBy(report.converted, (c) => c.from)].map(([from, entries]) =>
      line("converted", `${keysOf(entries.map((e) => e.key))}: from ${from} to float32`)
    ),
    ...report.graph ? graphLines(report.graph) : [],
    ...assumedLines(report.assumed),
  ];
}

/** What a file holds, and what an import would make of it. */
export function inspectionLines({ format, source, graph, weights, spec, assumed, refused }: Inspection): string[] {
  return [
    `${format}, ${(source.bytes / 1e6).toFixed(1)} MB`,
    ...graph ? graphLines(graph) : [],
    ...weights ? tensorLines(weights) : [],
    ...spec ? [line("makes", `${spec.task}, activation ${spec.inference.activation ?? "none"}`)] : [],
    ...assumedLines(assumed),
    ...refused === null ? [] : [line("refused", refused)],
  ];
}

function graphLines(graph: GraphFacts): string[] {
  const value = ({ name, dtype, dims }: GraphFacts["inputs"][number]) =>
    `${shown(name)} ${dtype} [${dims?.map((d) => shown(String(d))).join(", ") ?? "?"}]`;
  const final = new Map(graph.finalActivation.map(({ output, kind }) => [output, kind]));
  const endOf = (name: string) => final.get(name) === "none" ? "" : `, ends in ${final.get(name)}`;
  const maps = graph.features.slice(-MOST_MAPS);
  return [
    line(
      "graph",
      `${shown(graph.producer) || "no producer"}, opset ${graph.opset}, ${counted(graph.parameters)} parameters`,
    ),
    ...graph.inputs.map((input) => line("input", value(input))),
    ...graph.outputs.map((output) => line("output", value(output) + endOf(output.name))),
    ...graph.layout === "channels-last" ? [line("layout", "channels-last")] : [],
    ...graph.widened.length > 0 ? [line("widened", `${keysOf(graph.widened)}: to float32`)] : [],
    ...maps.map(({ name, strides, channels, grid, layout, receptiveWindow, stage }) =>
      line(
        stage ? "feature *" : "feature",
        `${shown(name)}: stride ${strides.join("×")}, ${channels} channels, ${grid.join("×")} at ` +
          `${graph.input!.slice(2).join("×")}${layout === "map" ? "" : `, ${layout}`}` +
          `${receptiveWindow ? `, sees ${receptiveWindow.join("×")}` : ""}`,
      )
    ),
    ...graph.features.length > maps.length ? [line("", `… (${graph.features.length} maps)`)] : [],
    ...graph.unsupported === null ? [] : [line("refused", graph.unsupported)],
  ];
}

function tensorLines({ tensors, parameters, network, templates, described, unsupported }: TensorFacts): string[] {
  return [
    line("weights", `${tensors} tensors, ${counted(parameters)} parameters`),
    ...network ? [line("network", `${network.kind} (${configOf(network.config)})`)] : [],
    ...templates > 0 ? [line("templates", String(templates))] : [],
    ...described ? [line("described", "by the file itself, as Sulcus exports it")] : [],
    ...unsupported === null ? [] : [line("refused", unsupported)],
  ];
}

const counted = (n: number) => n < 1e6 ? String(n) : `${(n / 1e6).toFixed(1)} million`;
