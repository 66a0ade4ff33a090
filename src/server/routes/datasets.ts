/** Data sets: records, case files streamed to disk, archives. */
import { Problem } from "../http/problems.ts";
import { LAYOUT_TITLES } from "../../datasets/mod.ts";
import { inputFromName, INPUTS, type Modality } from "../../inference/mod.ts";
import {
  caseReplySchema,
  datasetListSchema,
  datasetSchema,
  importedSchema,
  MOST_IGNORED,
  storedClassSchema,
  storedFileSchema,
  storedPatientSchema,
} from "../schemas/replies.ts";
import {
  caseChangesRequestSchema,
  caseFileParams,
  caseOptionsSchema,
  caseParams,
  classRequestSchema,
  datasetRequestSchema,
  idParams,
  importQuery,
  patientRequestSchema,
  patientsRequestSchema,
} from "../schemas/requests.ts";
import { readVolumeForm } from "../http/form.ts";
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

type CaseCall = Pick<Call<{ id: string; case: string }, unknown, unknown>, "params" | "request" | "services">;

async function storeCase({ params, request, services }: CaseCall): Promise<Response> {
  const { limits } = services.settings;
  await services.datasets.get(params.id); // before gigabytes are read
  await using folder = await services.spool.folder();
  const { images, options } = await readVolumeForm(request, {
    folder,
    options: caseOptionsSchema,
    body: {
      maxBytes: limits.formBytes,
      idleMs: limits.idleMs,
      onBytes: (bytes) => services.metrics.uploaded.add({}, bytes),
    },
    maxFileBytes: limits.fileBytes,
    durable: false,
    partOf: (name): Modality | "label" | null => name === "label" ? name : inputFromName(name),
  });
  const opener = (path: string) => async () => (await Deno.open(path)).readable;
  const files = new Map(INPUT_ROLES.flatMap((role) => images[role] ? [[role, opener(images[role])] as const] : []));
  return json(await services.datasets.putCase(params.id, params.case, { ...options, files }), { status: 201 });
}

const INPUT_ROLES = [...INPUTS, "label"] as const;

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
    ],
    async handle({ body, query, services: { datasets, spool } }) {
      await using folder = await spool.folder();
      const path = folder.path("dataset.zip");
      await writeChunks(path, body, { durable: false });
      const { patientRule: rule, ...options } = query;
      const { dataset, layout, ignored, ...found } = await datasets.importZip(path, {
        ...options,
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
    path: "/v1/datasets/{id}/patients",
    permits: "everyone",
    tag,
    summary: "Find the patients of the cases there are by a rule or a table",
    description: "Cases of one patient are on one side of every split. Cases of which rule or table say nothing stay.",
    params: idParams,
    body: { kind: "json", schema: patientsRequestSchema },
    replies: { 200: whole("The data set") },
    refusals: [...CASE_REFUSALS, "invalid-dataset"],
    handle: async ({ params, body, services: { datasets } }) => json(await datasets.putPatients(params.id, body)),
  }),
  route({
    method: "POST",
    path: "/v1/datasets/{id}/cases",
    permits: "everyone",
    tag,
    summary: "Change, exclude or delete several cases at once",
    description: "All of them, or none where one is refused.",
    params: idParams,
    body: { kind: "json", schema: caseChangesRequestSchema },
    replies: { 200: whole("The data set") },
    refusals: CASE_REFUSALS,
    handle: async ({ params, body, services: { datasets } }) => json(await datasets.changeCases(params.id, body.cases)),
  }),
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/cases/{case}",
    permits: "everyone",
    tag,
    summary: "Store a whole case, in the place of the one of this name",
    description:
      "Its files are those of the form and no others; patient, class and exclusion stay where they are not given.",
    params: caseParams,
    body: { kind: "form", options: caseOptionsSchema, takesLabel: true },
    replies: { 201: { description: "Stored", content: { "application/json": caseReplySchema } } },
    refusals: [...FILE_REFUSALS, "unknown-modality", "invalid-multipart"],
    handle: storeCase,
  }),
  route({
    method: "DELETE",
    path: "/v1/datasets/{id}/cases/{case}",
    permits: "everyone",
    tag,
    summary: "Delete a case with its files",
    params: caseParams,
    replies: { 204: { description: "Deleted" } },
    refusals: ["not-found", "dataset-in-use"],
    async handle({ params, services: { datasets } }) {
      await datasets.changeCases(params.id, [{ case: params.case, delete: true }]);
      return new Response(null, { status: 204 });
    },
  }),
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/cases/{case}/patient",
    permits: "everyone",
    tag,
    summary: "Set a case's patient",
    params: caseParams,
    body: { kind: "json", schema: patientRequestSchema },
    replies: { 201: { description: "Stored", content: { "application/json": storedPatientSchema } } },
    refusals: CASE_REFUSALS,
    async handle({ params, body, services: { datasets } }) {
      await datasets.changeCases(params.id, [{ case: params.case, ...body }]);
      return json({ case: params.case, ...body }, { status: 201 });
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
