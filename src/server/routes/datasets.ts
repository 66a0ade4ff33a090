/** Data sets: records, case files streamed to disk, archives. */
import { Problem } from "../http/problems.ts";
import { LAYOUT_TITLES } from "../../datasets/mod.ts";
import { inputFromName, type Modality } from "../../inference/mod.ts";
import {
  datasetListSchema,
  datasetSchema,
  importedSchema,
  storedClassSchema,
  storedFileSchema,
} from "../schemas/replies.ts";
import {
  caseFileParams,
  caseParams,
  classRequestSchema,
  datasetRequestSchema,
  idParams,
  importQuery,
} from "../schemas/requests.ts";
import { json } from "../http/reply.ts";
import { type Call, route } from "../http/route.ts";
import { writeChunks } from "../http/spool.ts";

const tag = "Data sets";
const whole = (description: string) => ({ description, content: { "application/json": datasetSchema } });

type FileCall = Pick<
  Call<{ id: string; case: string }, unknown, ReadableStream<Uint8Array>>,
  "params" | "body" | "services"
>;

async function storeFile({ params, body, services }: FileCall, role: Modality | "label"): Promise<Response> {
  const stored = await services.datasets.putFile(params.id, params.case, role, body);
  return json({ case: params.case, role, ...stored }, { status: 201 });
}

const storedReply = { 201: { description: "Stored", content: { "application/json": storedFileSchema } } };
const CASE_REFUSALS = ["not-found", "dataset-in-use", "invalid-request"] as const;
const FILE_REFUSALS = [...CASE_REFUSALS, "invalid-volume", "too-large", "unsupported-media-type"] as const;

export const DATASET_ROUTES = [
  route({
    method: "GET",
    path: "/v1/datasets",
    permits: "everyone",
    tag,
    summary: "All data sets, newest first",
    replies: { 200: { description: "Without their cases", content: { "application/json": datasetListSchema } } },
    refusals: [],
    handle: async ({ services: { datasets } }) => json({ datasets: await datasets.list() }),
  }),
  route({
    method: "POST",
    path: "/v1/datasets",
    permits: "everyone",
    tag,
    summary: "Create an empty data set",
    body: { kind: "json", schema: datasetRequestSchema },
    replies: { 201: { ...whole("The data set"), headers: { location: "Its address" } } },
    refusals: ["invalid-dataset"],
    async handle({ body, services: { datasets } }) {
      const made = await datasets.create(body);
      return json(made, { status: 201, headers: { location: `/v1/datasets/${made.id}` } });
    },
  }),
  route({
    method: "POST",
    path: "/v1/datasets/import",
    permits: "everyone",
    tag,
    summary: "Create a data set from an archive",
    description: `A .zip in ${LAYOUT_TITLES} layout; imported whole or not at all.`,
    query: importQuery,
    body: { kind: "file", file: "zip", limit: "importBytes" },
    replies: { 201: { description: "The data set and its layout", content: { "application/json": importedSchema } } },
    refusals: ["invalid-archive", "invalid-dataset", "invalid-volume", "too-large", "unsupported-media-type"],
    async handle({ body, query, services: { datasets, spool } }) {
      await using folder = await spool.folder();
      const path = folder.path("dataset.zip");
      await writeChunks(path, body, { durable: false });
      const { dataset, layout, ignoredFiles } = await datasets.importZip(path, query);
      const location = `/v1/datasets/${dataset.id}`;
      return json({ ...dataset, layout, ignoredFiles }, { status: 201, headers: { location } });
    },
  }),
  route({
    method: "GET",
    path: "/v1/datasets/{id}",
    permits: "everyone",
    tag,
    summary: "A data set: cases, checks, hash",
    params: idParams,
    replies: { 200: whole("The data set") },
    refusals: ["not-found"],
    handle: async ({ params, services: { datasets } }) => json(await datasets.get(params.id)),
  }),
  route({
    method: "DELETE",
    path: "/v1/datasets/{id}",
    permits: "everyone",
    tag,
    summary: "Delete a data set with its files",
    params: idParams,
    replies: { 204: { description: "Deleted" } },
    refusals: ["not-found", "dataset-in-use"],
    async handle({ params, services: { datasets } }) {
      await datasets.delete(params.id);
      return new Response(null, { status: 204 });
    },
  }),
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/cases/{case}/label",
    permits: "everyone",
    tag,
    summary: "Store or replace a case's label map",
    params: caseParams,
    body: { kind: "file", file: "volume", limit: "fileBytes" },
    replies: storedReply,
    refusals: FILE_REFUSALS,
    handle: (call) => storeFile(call, "label"),
  }),
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/cases/{case}/class",
    permits: "everyone",
    tag,
    summary: "Set a case's class and patient",
    params: caseParams,
    body: { kind: "json", schema: classRequestSchema },
    replies: { 201: { description: "Stored", content: { "application/json": storedClassSchema } } },
    refusals: CASE_REFUSALS,
    async handle({ params, body, services: { datasets } }) {
      await datasets.putClass(params.id, params.case, body);
      return json({ case: params.case, ...body }, { status: 201 });
    },
  }),
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/cases/{case}/{modality}",
    permits: "everyone",
    tag,
    summary: "Store or replace a case's image",
    params: caseFileParams,
    body: { kind: "file", file: "volume", limit: "fileBytes" },
    replies: storedReply,
    refusals: [...FILE_REFUSALS, "unknown-modality"],
    handle(call) {
      const modality = inputFromName(call.params.modality);
      if (modality === null) {
        throw new Problem("unknown-modality", "Cannot store the image: its address names no modality that is known", {
          path: "path.modality",
        });
      }
      return storeFile(call, modality);
    },
  }),
];
