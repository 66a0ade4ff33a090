/** The manifests for Compose and Kubernetes: valid, bound to each other, and as little privileged as they say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse, parseAllDocuments } from "npm:yaml@2.9.1";
import { composeFaults, composeSchema, OFFICIAL_SHA256 } from "./compose_schema.ts";
import { type KubernetesObject, objectSchema } from "./kubernetes_schema.ts";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

function objects(): KubernetesObject[] {
  return parseAllDocuments(read("deploy/kubernetes/sulcus.yaml")).map((document) => {
    assert.deepEqual(document.errors, []);
    return objectSchema.parse(document.toJS());
  });
}

function find<K extends KubernetesObject["kind"]>(kind: K): Extract<KubernetesObject, { kind: K }> {
  const found = objects().find((object) => object.kind === kind);
  assert.ok(found, kind);
  return found as Extract<KubernetesObject, { kind: K }>; // `kind` says so
}

const configured = () => new Set(read("docs/configuration.md").match(/(SULCUS|DATABASE)_[A-Z_]+/g));

Deno.test("the Kubernetes manifests are valid, and a misspelt field is refused", () => {
  assert.deepEqual(objects().map(({ kind }) => kind), [
    "Namespace",
    "ServiceAccount",
    "PersistentVolumeClaim",
    "Deployment",
    "Service",
    "NetworkPolicy",
  ]);
  const wrong = JSON.stringify(find("Deployment")).replace("readOnlyRootFilesystem", "readOnlyRootFileSystem");
  assert.throws(() => objectSchema.parse(JSON.parse(wrong)), /readOnlyRootFileSystem/);
});

Deno.test("the pod fits the restricted profile: no root, no capabilities, read-only, probes, resources, one network", () => {
  const { spec } = find("Deployment").spec.template;
  const [container] = spec.containers;
  assert.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  assert.deepEqual([spec.securityContext.runAsNonRoot, spec.securityContext.runAsUser], [true, 10001]);
  assert.equal(spec.securityContext.seccompProfile.type, "RuntimeDefault");
  assert.equal(spec.automountServiceAccountToken, false);
  assert.ok(container.resources.requests?.memory && container.resources.limits?.memory);
  assert.equal(container.livenessProbe.httpGet.path, "/health/live");
  assert.equal(container.readinessProbe.httpGet.path, "/health/ready");
  const volumes = spec.volumes.map((volume) => volume.name);
  for (const mount of container.volumeMounts) assert.ok(volumes.includes(mount.name), mount.name);
  const policy = find("NetworkPolicy").spec;
  assert.deepEqual(policy.policyTypes, ["Ingress", "Egress"]);
  assert.equal(find("Namespace").metadata.labels?.["pod-security.kubernetes.io/enforce"], "restricted");
});

Deno.test("no secret stands in a manifest, and every variable is one that the service knows", () => {
  const [container] = find("Deployment").spec.template.spec.containers;
  const compose = composeSchema.parse(parse(read("deploy/compose/compose.yaml")));
  const variables = [...container.env.map((v) => v.name), ...Object.keys(compose.services.sulcus.environment!)];
  for (const name of variables) {
    assert.ok(configured().has(name.replace(/_FILE$/, "")), `${name} is not in docs/configuration.md`);
    assert.doesNotMatch(
      name,
      /(URL|SECRET|PASSWORD|KEY)$(?<!PUBLIC_URL)/,
      `${name} would hold a secret: use ${name}_FILE`,
    );
  }
});

Deno.test("the GPU variant patches the same deployment", () => {
  const patch = parse(read("deploy/kubernetes-gpu/gpu.yaml"));
  const { metadata, spec } = find("Deployment");
  assert.equal(patch.metadata.name, metadata.name);
  assert.equal(patch.spec.template.spec.containers[0].name, spec.template.spec.containers[0].name);
  assert.deepEqual(patch.spec.template.spec.containers[0].resources.limits, { "nvidia.com/gpu": "1" });
  const { resources, images } = parse(read("deploy/kubernetes-gpu/kustomization.yaml"));
  assert.deepEqual(resources, ["../kubernetes"]); // no folder above it: that would be a circle
  assert.equal(images[0].newTag, "cuda");
});

Deno.test("the Compose file is valid by Compose's own schema, and misspelt fields and wrong values are refused", async () => {
  const schema = await Deno.readFile(new URL("./compose-spec.json", import.meta.url));
  assert.equal(new Uint8Array(await crypto.subtle.digest("SHA-256", schema)).toHex(), OFFICIAL_SHA256);
  const text = read("deploy/compose/compose.yaml");
  assert.deepEqual(composeFaults(parse(text)), []);
  for (
    const [right, wrong, fault] of [
      ["read_only: true", "readonly: true", /\/services\/\w+ must NOT have additional properties .*"readonly"/],
      ["restart: unless-stopped", "restart: [often]", /\/services\/\w+\/restart must be string/],
      ["internal: true", "internal: [1]", /\/networks\/inside\/internal must be/],
    ] as const
  ) {
    assert.ok(text.includes(right), right);
    assert.match(composeFaults(parse(text.replace(right, wrong))).join("\n"), fault);
  }
});

Deno.test("the Compose file is valid; nothing runs with capabilities it does not need, and only the proxy is published", () => {
  const { services, networks, secrets } = composeSchema.parse(parse(read("deploy/compose/compose.yaml")));
  for (const [name, service] of Object.entries(services)) {
    assert.ok(service.read_only, `${name} is read-only`);
    assert.deepEqual(service.cap_drop, ["ALL"], name);
    assert.deepEqual(service.security_opt, ["no-new-privileges:true"], name);
    for (const network of service.networks) assert.ok(network in networks, network);
    for (const secret of service.secrets ?? []) assert.ok(secret in secrets, secret);
  }
  const { sulcus, database, proxy } = services;
  assert.equal(sulcus.user, "10001:10001");
  assert.deepEqual(sulcus.networks, ["inside"]);
  assert.equal(networks.inside.internal, true);
  assert.deepEqual([sulcus.ports, database.ports], [undefined, undefined]);
  assert.ok(proxy.ports!.includes("443:443"));
  assert.match(read("deploy/compose/Caddyfile"), /reverse_proxy sulcus:8080/);
});
