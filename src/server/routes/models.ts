/** Models: their versions, which of them is served, and packages in and out. */
import type { z } from "zod";
import { importWeightFile, inspectRequestSchema, inspectWeightFile, nameFeatures } from "../../weights/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import type { Bringer, Decision, ModelVersion } from "../../registry/mod.ts";
import { attachment, json } from "../http/reply.ts";
import { Problem } from "../http/problems.ts";
import { importedModelSchema, inspectionSchema } from "../schemas/imports.ts";
import { modelListSchema, modelSchema, modelVersionSchema } from "../schemas/replies.ts";
import {
  decisionSchema,
  featuresSchema,
  nameParams,
  packageQuery,
  versionParams,
  weightsQuery,
} from "../schemas/requests.ts";
import { receiveFiles } from "../http/files.ts";
import { type Call, route } from "../http/route.ts";
import { writeChunks } from "../http/spool.ts";

const tag = "Models";

const IMPORTED_FILES = "A network and the files beside it, each with its own file name: the weights of an ONNX graph " +
  "that lie beside it (model.onnx.data), or files that describe the network (metadata.json, plans.json, dataset.json).";

type AnyCall = Call<unknown, unknown, unknown>;

/** A version as users see it. */
function present({ name, version, state, shipped, addedAt, approvedBy, approvedAt, note, manifest }: ModelVersion) {
  return {
    name,
    version,
    state,
    shipped,
    addedAt,
    approvedBy,
    approvedAt,
    note,
    metrics: manifest.provenance.metrics,
    hashes: manifest.files,
    manifest,
  };
}

/** Who decides: whoever is logged in, whatever the request says; without logins, whom the request names. */
function decisionOf(
  { approvedBy = "", note }: z.output<typeof decisionSchema>,
  { identity: { name, via }, witness }: Pick<AnyCall, "identity" | "witness">,
): Decision {
  if (via !== "none") return { approvedBy: name, note, witness };
  if (approvedBy !== "") return { approvedBy, note, witness };
  throw new Problem("invalid-request", "Cannot decide: expected approvedBy, got none, and no login says who decides", {
    path: "approvedBy",
  });
}

/** Who brings a model: whoever is logged in, or without logins whom the request names. */
function bringerOf({ identity: { name, via }, witness }: Pick<AnyCall, "identity" | "witness">, by?: string): Bringer {
  return { actor: via === "none" ? by : name, witness };
}

/** The same with the project that gets the model. @throws {DomainError} `not-permitted`, `project-full` */
async function bringerFor(
  { identity, witness, services: { access, projects } }: Pick<AnyCall, "identity" | "witness" | "services">,
  project: string | undefined,
): Promise<Bringer> {
  const holders = access.holdersOfNew(identity, project);
  await projects.checkFree(holders.project); // before gigabytes are read
  return { ...bringerOf({ identity, witness }), holders };
}

const versionReply = (description: string) => ({
  description,
  content: { "application/json": modelVersionSchema },
});

export const MODEL_ROUTES = [
  route({
    method: "GET",
    path: "/v1/models",
    permits: "viewer",
    tag,
    summary: "All models with the states of their versions",
    replies: { 200: { description: "By name", content: { "application/json": modelListSchema } } },
    refusals: [],
    handle: async ({ services: { registry, access }, identity }) => {
      const hidden = await access.hiddenModels(identity);
      return json({ models: (await registry.list()).filter(({ name }) => !hidden.has(name)) });
    },
  }),
  route({
    method: "POST",
    path: "/v1/models",
    permits: "admin",
    audit: { action: "model.import", object: "model" },
    reads: true,
    tag,
    summary: "Import a model package",
    description: "The whole archive is checked before the version appears, as a candidate.",
    query: packageQuery,
    body: { kind: "file", file: "zip", limit: "packageBytes" },
    replies: { 201: { ...versionReply("The new candidate"), headers: { location: "The version's address" } } },
    refusals: [
      "invalid-archive",
      "invalid-manifest",
      "invalid-package",
      "version-exists",
      "too-large",
      "conflict",
      "project-full",
    ],
    async handle({ body, query, identity, witness, services }) {
      const { registry, spool } = services;
      const bringer = await bringerFor({ identity, witness, services }, query.project);
      await using folder = await spool.folder();
      const path = folder.path("package.zip");
      await writeChunks(path, body, { durable: false });
      const added = await registry.importZip(path, bringer).catch((error) => {
        if (!(error instanceof DomainError && error.code === "package-tampered")) throw error;
        throw new Problem("invalid-package", error.message, { cause: error }); // the sender's fault, not the store's
      });
      const location = `/v1/models/${added.name}/versions/${added.version}`;
      return json(present(added), { status: 201, headers: { location } });
    },
  }),
  route({
    method: "POST",
    path: "/v1/models/import",
    permits: "admin",
    audit: { action: "model.import", object: "model" },
    reads: true,
    tag,
    summary: "Import a PyTorch, safetensors or ONNX file as a model",
    description: "No code in the file is run. Official BrainMVP files need only a name. The model is a candidate. " +
      "Several files that belong together come as parts of a form, or as one .zip.",
    query: weightsQuery,
    body: { kind: "files", limit: "packageBytes", description: IMPORTED_FILES },
    replies: {
      201: {
        description: "The new candidate, and a report on the file's tensors",
        content: { "application/json": importedModelSchema },
        headers: { location: "The version's address" },
      },
    },
    refusals: [
      "invalid-weights",
      "invalid-archive",
      "invalid-manifest",
      "invalid-multipart",
      "too-large",
      "conflict",
      "project-full",
    ],
    async handle({ request, query: { project, ...wish }, identity, witness, services, received }) {
      const bringer = await bringerFor({ identity, witness, services }, project);
      await using folder = await services.spool.folder();
      const source = await receiveFiles(request, {
        folder,
        services,
        received,
        kind: "weights",
        limit: "packageBytes",
      });
      const { version, report } = await importWeightFile(services.registry, {
        source,
        request: wish,
        bringer,
        readers: services.readers,
      });
      const location = `/v1/models/${version.name}/versions/${version.version}`;
      return json({ ...present(version), report }, { status: 201, headers: { location } });
    },
  }),
  route({
    method: "POST",
    path: "/v1/models/inspect",
    permits: "admin",
    reads: true,
    tag,
    summary: "Show what a PyTorch, safetensors or ONNX file holds, and what an import would make of it",
    description:
      "Inputs, outputs, feature maps, opset, parameters, and why the file could not be used. Nothing is stored.",
    query: inspectRequestSchema,
    body: { kind: "files", limit: "packageBytes", description: IMPORTED_FILES },
    replies: { 200: { description: "The file's contents", content: { "application/json": inspectionSchema } } },
    refusals: ["invalid-weights", "invalid-archive", "invalid-multipart", "too-large"],
    async handle({ request, query, services, received }) {
      await using folder = await services.spool.folder();
      const source = await receiveFiles(request, {
        folder,
        services,
        received,
        kind: "weights",
        limit: "packageBytes",
      });
      return json(await inspectWeightFile(source, query, services.readers));
    },
  }),
  route({
    method: "GET",
    path: "/v1/models/{name}",
    permits: "viewer",
    tag,
    summary: "A model, and in full its served version (or its newest)",
    params: nameParams,
    replies: { 200: { description: "The model", content: { "application/json": modelSchema } } },
    refusals: ["not-found"],
    async handle({ params, services: { registry } }) {
      const summary = await registry.get(params.name);
      const version = summary.servedVersion ?? summary.versions[summary.versions.length - 1].version;
      return json({ ...summary, ...present(await registry.version(params.name, version)) });
    },
  }),
  route({
    method: "GET",
    path: "/v1/models/{name}/versions/{version}",
    permits: "viewer",
    tag,
    summary: "A version: manifest, state, metrics, hashes",
    params: versionParams,
    replies: { 200: versionReply("The version") },
    refusals: ["not-found", "invalid-package"],
    handle: async ({ params, services: { registry } }) =>
      json(present(await registry.version(params.name, params.version))),
  }),
  route({
    method: "GET",
    path: "/v1/models/{name}/versions/{version}/package",
    permits: "user",
    audit: { action: "model.export", object: "model" },
    tag,
    summary: "Export a version as one .zip",
    params: versionParams,
    replies: { 200: { description: "The package", content: { "application/zip": "A model package" } } },
    refusals: ["not-found", "package-tampered"],
    async handle({ params, services: { registry } }) {
      const { fileName, bytes, stream } = await registry.exportZip(params.name, params.version);
      const headers = { "content-type": "application/zip", "content-length": String(bytes), ...attachment(fileName) };
      return new Response(stream, { headers });
    },
  }),
  route({
    method: "POST",
    path: "/v1/models/{name}/versions/{version}/features",
    permits: "admin",
    audit: { action: "model.change", object: "model" },
    reads: true,
    tag,
    summary: "Name the feature maps of a network imported from ONNX, so that a fine-tune may build on them",
    description:
      "Makes a further version, a candidate with the same network. `POST /v1/models/inspect` lists the maps.",
    params: versionParams,
    body: { kind: "json", schema: featuresSchema },
    replies: { 201: { ...versionReply("The new candidate"), headers: { location: "The version's address" } } },
    refusals: ["not-found", "wrong-task", "invalid-weights", "package-tampered", "project-full"],
    async handle({ params, body, identity, witness, services: { registry, readers } }) {
      const { features, by } = body;
      const wish = {
        model: params.name,
        version: params.version,
        features,
        bringer: bringerOf({ identity, witness }, by),
        readers,
      };
      const made = await nameFeatures(registry, wish);
      const location = `/v1/models/${made.name}/versions/${made.version}`;
      return json(present(made), { status: 201, headers: { location } });
    },
  }),
  route({
    method: "POST",
    path: "/v1/models/{name}/versions/{version}/approve",
    permits: "admin",
    audit: { action: "model.approve", object: "model" },
    tag,
    summary: "Serve a version",
    description: "The version served before is retired, not deleted.",
    params: versionParams,
    body: { kind: "json", schema: decisionSchema },
    replies: { 200: versionReply("The version, now served") },
    refusals: ["not-found", "invalid-transition", "package-tampered"],
    handle: async ({ params, body, services: { registry }, ...by }) =>
      json(present(await registry.approve(params.name, params.version, decisionOf(body, by)))),
  }),
  route({
    method: "POST",
    path: "/v1/models/{name}/rollback",
    permits: "admin",
    audit: { action: "model.rollback", object: "model" },
    tag,
    summary: "Serve the former version again",
    params: nameParams,
    body: { kind: "json", schema: decisionSchema },
    replies: { 200: versionReply("The version that is served again") },
    refusals: ["not-found", "model-not-served", "no-former-version", "conflict", "package-tampered"],
    handle: async ({ params, body, services: { registry }, ...by }) =>
      json(present(await registry.rollback(params.name, decisionOf(body, by)))),
  }),
];
