/** The cases of data sets: their files, streamed to disk, their patients and classes; changed, excluded and deleted. */
import { inputFromName, INPUTS, type Modality } from "../../inference/mod.ts";
import { bodyLimits } from "../http/body.ts";
import { readVolumeForm } from "../http/form.ts";
import { Problem } from "../http/problems.ts";
import { json } from "../http/reply.ts";
import { type Call, route } from "../http/route.ts";
import {
  caseReplySchema,
  datasetSchema,
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
  idParams,
  patientRequestSchema,
  patientsRequestSchema,
} from "../schemas/requests.ts";

const tag = "Data sets";
const whole = { 200: { description: "The data set", content: { "application/json": datasetSchema } } };

type FileCall = Pick<
  Call<{ id: string; case: string }, unknown, ReadableStream<Uint8Array>>,
  "params" | "body" | "services" | "witness"
>;

async function storeFile({ params, body, services, witness }: FileCall, role: Modality | "label"): Promise<Response> {
  const stored = await services.datasets.putFile(params.id, params.case, role, body, { witness });
  return json({ case: params.case, role, ...stored }, { status: 201 });
}

type CaseCall = Pick<
  Call<{ id: string; case: string }, unknown, unknown>,
  "params" | "request" | "services" | "received" | "witness"
>;

async function storeCase({ params, request, services, received, witness }: CaseCall): Promise<Response> {
  const { limits } = services.settings;
  await services.datasets.get(params.id); // before gigabytes are read
  await using folder = await services.spool.folder();
  const { images, options } = await readVolumeForm(request, {
    folder,
    options: caseOptionsSchema,
    body: bodyLimits(limits, limits.formBytes, received),
    maxFileBytes: limits.fileBytes,
    durable: false,
    parts: INPUT_ROLES,
    partOf: (name): Modality | "label" | null => name === "label" ? name : inputFromName(name),
  });
  const opener = (path: string) => async () => (await Deno.open(path)).readable;
  const files = new Map(INPUT_ROLES.flatMap((role) => images[role] ? [[role, opener(images[role])] as const] : []));
  return json(await services.datasets.putCase(params.id, params.case, { ...options, files, witness }), { status: 201 });
}

const INPUT_ROLES = [...INPUTS, "label"] as const;

const storedReply = { 201: { description: "Stored", content: { "application/json": storedFileSchema } } };
const CASE_REFUSALS = ["not-found", "dataset-in-use", "invalid-request"] as const;
const FILE_REFUSALS = [
  ...CASE_REFUSALS,
  "invalid-volume",
  "too-large",
  "unsupported-media-type",
  "project-full",
] as const;

export const DATASET_CASE_ROUTES = [
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/patients",
    permits: "annotator",
    audit: { action: "dataset.change", object: "dataset" },
    tag,
    summary: "Find the patients of the cases there are by a rule or a table",
    description: "Cases of one patient are on one side of every split. Cases of which rule or table say nothing stay.",
    params: idParams,
    body: { kind: "json", schema: patientsRequestSchema },
    replies: whole,
    refusals: [...CASE_REFUSALS, "invalid-dataset"],
    handle: async ({ params, body, services: { datasets }, witness }) =>
      json(await datasets.putPatients(params.id, body, { witness })),
  }),
  route({
    method: "POST",
    path: "/v1/datasets/{id}/cases",
    permits: "annotator",
    audit: { action: "dataset.change", object: "dataset" },
    tag,
    summary: "Change, exclude or delete several cases at once",
    description: "All of them, or none where one is refused.",
    params: idParams,
    body: { kind: "json", schema: caseChangesRequestSchema },
    replies: whole,
    refusals: CASE_REFUSALS,
    handle: async ({ params, body, services: { datasets }, witness }) =>
      json(await datasets.changeCases(params.id, body.cases, { witness })),
  }),
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/cases/{case}",
    permits: "annotator",
    audit: { action: "case.write", object: "case" },
    reads: true,
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
    permits: "annotator",
    audit: { action: "case.delete", object: "case" },
    tag,
    summary: "Delete a case with its files",
    params: caseParams,
    replies: { 204: { description: "Deleted" } },
    refusals: ["not-found", "dataset-in-use"],
    async handle({ params, services: { datasets }, witness }) {
      await datasets.changeCases(params.id, [{ case: params.case, delete: true }], { witness });
      return new Response(null, { status: 204 });
    },
  }),
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/cases/{case}/patient",
    permits: "annotator",
    audit: { action: "case.change", object: "case" },
    tag,
    summary: "Set a case's patient",
    params: caseParams,
    body: { kind: "json", schema: patientRequestSchema },
    replies: { 201: { description: "Stored", content: { "application/json": storedPatientSchema } } },
    refusals: CASE_REFUSALS,
    async handle({ params, body, services: { datasets }, witness }) {
      await datasets.changeCases(params.id, [{ case: params.case, ...body }], { witness });
      return json({ case: params.case, ...body }, { status: 201 });
    },
  }),
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/cases/{case}/label",
    permits: "annotator",
    audit: { action: "case.write", object: "case" },
    reads: true,
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
    permits: "annotator",
    audit: { action: "case.change", object: "case" },
    tag,
    summary: "Set a case's class and patient",
    params: caseParams,
    body: { kind: "json", schema: classRequestSchema },
    replies: { 201: { description: "Stored", content: { "application/json": storedClassSchema } } },
    refusals: CASE_REFUSALS,
    async handle({ params, body, services: { datasets }, witness }) {
      await datasets.putClass(params.id, params.case, body, { witness });
      return json({ case: params.case, ...body }, { status: 201 });
    },
  }),
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/cases/{case}/{modality}",
    permits: "annotator",
    audit: { action: "case.write", object: "case" },
    reads: true,
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
