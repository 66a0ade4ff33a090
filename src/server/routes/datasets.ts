/** Data sets: records and archives. Their cases have a file of their own. */
import { LAYOUT_TITLES } from "../../datasets/mod.ts";
import { datasetListSchema, datasetSchema, importedSchema, MOST_IGNORED } from "../schemas/replies.ts";
import { datasetRequestSchema, idParams, importQuery } from "../schemas/requests.ts";
import { json } from "../http/reply.ts";
import { route } from "../http/route.ts";
import { writeChunks } from "../http/spool.ts";

const tag = "Data sets";
const whole = (description: string) => ({ description, content: { "application/json": datasetSchema } });

export const DATASET_ROUTES = [
  route({
    method: "GET",
    path: "/v1/datasets",
    permits: "viewer",
    audit: { action: "dataset.list", object: "dataset" },
    tag,
    summary: "All data sets, newest first",
    replies: { 200: { description: "Without their cases", content: { "application/json": datasetListSchema } } },
    refusals: [],
    handle: async ({ services: { datasets, access }, identity }) => {
      const hidden = await access.hiddenDatasets(identity);
      return json({ datasets: (await datasets.list()).filter(({ id }) => !hidden.has(id)) });
    },
  }),
  route({
    method: "POST",
    path: "/v1/datasets",
    permits: "annotator",
    audit: { action: "dataset.create", object: "dataset" },
    tag,
    summary: "Create an empty data set",
    body: { kind: "json", schema: datasetRequestSchema },
    replies: { 201: { ...whole("The data set"), headers: { location: "Its address" } } },
    refusals: ["invalid-dataset", "project-full"],
    async handle({ body: { project, ...spec }, services: { datasets, access }, identity, witness }) {
      const made = await datasets.create(spec, { holders: access.holdersOfNew(identity, project), witness });
      return json(made, { status: 201, headers: { location: `/v1/datasets/${made.id}` } });
    },
  }),
  route({
    method: "POST",
    path: "/v1/datasets/import",
    permits: "annotator",
    audit: { action: "dataset.import", object: "dataset" },
    reads: true,
    tag,
    summary: "Create a data set from an archive",
    description: `A .zip in ${LAYOUT_TITLES} layout; imported whole or not at all, but for cases to be left out. A ` +
      "table patients.csv (case,patient[,class]) or participants.tsv at its top names patients.",
    query: importQuery,
    body: { kind: "file", file: "zip", limit: "importBytes" },
    replies: { 201: { description: "The data set and its layout", content: { "application/json": importedSchema } } },
    refusals: [
      "invalid-archive",
      "invalid-dataset",
      "invalid-request",
      "invalid-volume",
      "too-large",
      "unsupported-media-type",
      "project-full",
    ],
    async handle({ body, query, services: { datasets, access, projects, spool }, identity, witness }) {
      const { patientRule: rule, project, ...options } = query;
      const holders = access.holdersOfNew(identity, project);
      await projects.checkFree(holders.project); // before gigabytes are read
      await using folder = await spool.folder();
      const path = folder.path("dataset.zip");
      await writeChunks(path, body, { durable: false });
      const { dataset, layout, ignored, ...found } = await datasets.importZip(path, {
        ...options,
        holders,
        witness,
        ...(rule !== undefined && { patients: { rule } }),
      });
      const reply = {
        ...dataset,
        layout,
        ignoredFiles: ignored.length,
        ignored: ignored.slice(0, MOST_IGNORED),
        ...found,
      };
      return json(reply, { status: 201, headers: { location: `/v1/datasets/${dataset.id}` } });
    },
  }),
  route({
    method: "GET",
    path: "/v1/datasets/{id}",
    permits: "viewer",
    audit: { action: "dataset.read", object: "dataset" },
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
    permits: "annotator",
    audit: { action: "dataset.delete", object: "dataset" },
    tag,
    summary: "Delete a data set with its files",
    params: idParams,
    replies: { 204: { description: "Deleted" } },
    refusals: ["not-found", "dataset-in-use"],
    async handle({ params, services: { datasets }, witness }) {
      await datasets.delete(params.id, { witness });
      return new Response(null, { status: 204 });
    },
  }),
];
