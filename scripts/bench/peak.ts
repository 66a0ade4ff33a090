/** The floor under every time: what the processor reaches in one large product, by the engine's precision. */
import type { Engine } from "../../src/engine/mod.ts";
import { encodeModel, GraphBuilder, lower } from "../../src/graph/mod.ts";
import { measure, type Row, wave } from "./measure.ts";

const SIZE = 2048;
/** Products in a row, so that feeds and answers take little of the time. */
const PRODUCTS = 8;

export async function peakProduct(engine: Engine, { name }: { name: string }): Promise<Row> {
  const b = new GraphBuilder(), { op } = b;
  const matrix = b.input("matrix", { dtype: "float32", shape: [SIZE, SIZE] });
  let y = op.Mul(matrix, 1 / SIZE);
  for (let i = 0; i < PRODUCTS; i++) y = op.MatMul(y, matrix);
  const graph = b.build("product", { y: op.ReduceMean(y, [0, 1], { keepdims: 0 }) });
  const session = await engine.load(encodeModel(lower(graph, engine.lowering).graph), { keepMemory: true });
  await engine.put("matrix", wave([SIZE, SIZE]));
  const row = await measure(engine, { name, runs: 6, run: () => session.run({ matrix: { resident: "matrix" } }) });
  return { ...row, gflops: Math.round(PRODUCTS * 2 * SIZE ** 3 / row.bestMs / 1e6) };
}
