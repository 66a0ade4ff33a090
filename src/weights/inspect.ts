/** What a file of weights holds and what an import would make of it. Makes no package. */
import type { ModelSpec } from "../inference/mod.ts";
import { identifyNetwork, type NetworkSpec, TEMPLATE_KEY, withPlainKeys } from "../nets/mod.ts";
import { wordsOf } from "../process/mod.ts";
import type { ReceivedFile } from "../storage/mod.ts";
import { isFloatType, sizeOf } from "../tensor/mod.ts";
import { descriptionIn } from "./description.ts";
import type { TensorFile } from "./formats/format.ts";
import type { FormatName } from "./formats/formats.ts";
import { type GraphFacts, graphFacts } from "./onnx/facts.ts";
import { planGraph } from "./onnx/plan.ts";
import type { InspectRequest } from "./request/import_request.ts";
import { readSource } from "./source/read.ts";
import { type ImportSource, openSource } from "./source/source.ts";
import { statedBeside } from "./stated/beside.ts";
import { stacked, type Stated, statedBy } from "./stated/stated.ts";

/** The network whose tensors a file holds. */
export interface TensorFacts {
  readonly tensors: number;
  /** Number of elements of its float tensors, without templates. */
  readonly parameters: number;
  /** null: no network here has these keys. */
  readonly network: NetworkSpec | null;
  /** Number of templates. */
  readonly templates: number;
  /** True: the file says itself how it is used, as those that Sulcus exports. */
  readonly described: boolean;
  /** The reason why the tensors cannot be used, or null. */
  readonly unsupported: string | null;
}

export interface Inspection {
  readonly format: FormatName;
  readonly source: ReceivedFile;
  /** A graph of others; null: the file holds tensors. */
  readonly graph: GraphFacts | null;
  readonly weights: TensorFacts | null;
  /** What an import of the graph with this request would make; null: the request does not say enough, or is refused. */
  readonly spec: ModelSpec | null;
  /** Everything that the spec assumes. */
  readonly assumed: readonly string[];
  /** Why an import with this request would be refused. */
  readonly refused: string | null;
}

const UNREADABLE = "Cannot import the weights: they are unreadable";

/**
 * Looks at the network of a source. A network in an archive is unpacked into the folder `scratch`.
 * @throws {DomainError} the archive is refused
 * @throws {SyntaxError | TypeError | RangeError} damaged, beyond bounds, or a description beside it is damaged
 */
export async function inspectWeights(
  source: ImportSource,
  request: InspectRequest,
  scratch: string,
): Promise<Inspection> {
  using opened = await openSource(source, scratch);
  const { format, contents, received } = await readSource(opened);
  const { metadata } = contents, { configuration } = request;
  const stated = stacked(statedBeside(opened.texts, { metadata, configuration }), statedBy(request));
  const nothing = { spec: null, assumed: stated.notes, refused: null };
  if (contents.holds === "tensors") {
    return { format, source: received, graph: null, weights: tensorFacts(contents, { request, stated }), ...nothing };
  }
  const { roi } = stated.inference, channels = stated.spec.modalities?.length;
  const graph = graphFacts(contents.bytes, { roi, channels, layout: request.layout });
  const described = descriptionIn(contents.metadata)?.spec;
  const asked = [described, stated.spec.labels, stated.spec.classes, request.features];
  const isAsked = asked.some((wish) => wish !== undefined);
  const planned = isAsked ? plannedFor(contents.bytes, { request, stated, described }) : nothing;
  return { format, source: received, graph, weights: null, ...planned };
}

interface Given {
  readonly request: InspectRequest;
  readonly stated: Stated;
  readonly described?: ModelSpec | undefined;
}

function plannedFor(
  bytes: Uint8Array,
  { request, stated, described }: Given,
): Pick<Inspection, "spec" | "assumed" | "refused"> {
  try {
    const { spec, assumed } = planGraph(bytes, { stated, parts: request, described });
    return { spec, assumed, refused: null };
  } catch (error) {
    return { spec: null, assumed: stated.notes, refused: wordsOf(error, UNREADABLE) };
  }
}

function tensorFacts(file: TensorFile, { request, stated }: Given): TensorFacts {
  const tensors = withPlainKeys(file.tensors);
  const shapes = new Map([...tensors].map(([key, { shape }]) => [key, shape]));
  const floats = [...tensors].filter(([key, { dtype }]) => key !== TEMPLATE_KEY && isFloatType(dtype));
  const facts = {
    tensors: tensors.size,
    parameters: floats.reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0),
    templates: shapes.get(TEMPLATE_KEY)?.[0] ?? 0,
    described: descriptionIn(file.metadata) !== undefined,
  };
  try {
    const segmentation = stated.spec.labels !== undefined;
    const { spec: network } = identifyNetwork(shapes, { headDim: request.headDim, segmentation });
    return { ...facts, network, unsupported: null };
  } catch (error) {
    return { ...facts, network: null, unsupported: wordsOf(error, UNREADABLE) };
  }
}
