/**
 * The part of the Kubernetes API that our manifests use, strictly: a field that is misspelt or in the wrong place is
 * refused, as `kubectl apply --validate=strict` does it. Source: the Kubernetes API reference, v1.31.
 */
import { z } from "zod";

const labels = z.record(z.string().regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9._-]{1,63}$/), z.string());
const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
const metadata = z.strictObject({
  name,
  namespace: name.optional(),
  labels: labels.optional(),
  annotations: labels.optional(),
});
const quantity = z.string().regex(/^\d+(\.\d+)?(m|[KMGT]i?)?$/);
const resources = z.strictObject({
  requests: z.record(z.string(), quantity).optional(),
  limits: z.record(z.string(), quantity).optional(),
});
const port = z.union([z.int().min(1).max(65535), name]);
const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string().startsWith("/"), port }),
  periodSeconds: z.int().min(1),
  timeoutSeconds: z.int().min(1).optional(),
  failureThreshold: z.int().min(1).optional(),
});
const container = z.strictObject({
  name,
  image: z.string().min(1),
  args: z.array(z.string()),
  ports: z.array(z.strictObject({ name, containerPort: z.int() })),
  env: z.array(z.strictObject({ name: z.string().regex(/^[A-Z][A-Z0-9_]*$/), value: z.string() })),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.boolean(),
    readOnlyRootFilesystem: z.boolean(),
    capabilities: z.strictObject({ drop: z.array(z.string()) }),
  }),
  resources,
  startupProbe: probe,
  livenessProbe: probe,
  readinessProbe: probe,
  volumeMounts: z.array(
    z.strictObject({ name, mountPath: z.string().startsWith("/"), readOnly: z.boolean().optional() }),
  ),
});
const podSpec = z.strictObject({
  serviceAccountName: name,
  automountServiceAccountToken: z.boolean(),
  enableServiceLinks: z.boolean(),
  terminationGracePeriodSeconds: z.int(),
  securityContext: z.strictObject({
    runAsNonRoot: z.boolean(),
    runAsUser: z.int(),
    runAsGroup: z.int(),
    fsGroup: z.int(),
    fsGroupChangePolicy: z.enum(["OnRootMismatch", "Always"]),
    seccompProfile: z.strictObject({ type: z.enum(["RuntimeDefault", "Localhost"]) }),
  }),
  containers: z.array(container).min(1),
  volumes: z.array(z.union([
    z.strictObject({ name, persistentVolumeClaim: z.strictObject({ claimName: name }) }),
    z.strictObject({ name, secret: z.strictObject({ secretName: name, defaultMode: z.int().max(0o777) }) }),
  ])),
});
const selector = z.strictObject({ matchLabels: labels.optional() });
const peer = z.strictObject({ namespaceSelector: selector.optional(), podSelector: selector.optional() });
const policyPort = z.strictObject({ protocol: z.enum(["TCP", "UDP"]), port });

/** Every kind of object that the manifests hold. */
export const objectSchema = z.discriminatedUnion("kind", [
  z.strictObject({ apiVersion: z.literal("v1"), kind: z.literal("Namespace"), metadata }),
  z.strictObject({
    apiVersion: z.literal("v1"),
    kind: z.literal("ServiceAccount"),
    metadata,
    automountServiceAccountToken: z.boolean(),
  }),
  z.strictObject({
    apiVersion: z.literal("v1"),
    kind: z.literal("PersistentVolumeClaim"),
    metadata,
    spec: z.strictObject({ accessModes: z.array(z.enum(["ReadWriteOnce", "ReadWriteMany"])), resources }),
  }),
  z.strictObject({
    apiVersion: z.literal("apps/v1"),
    kind: z.literal("Deployment"),
    metadata,
    spec: z.strictObject({
      replicas: z.int(),
      strategy: z.strictObject({ type: z.enum(["Recreate", "RollingUpdate"]) }),
      selector,
      template: z.strictObject({ metadata: metadata.omit({ name: true, namespace: true }), spec: podSpec }),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal("v1"),
    kind: z.literal("Service"),
    metadata,
    spec: z.strictObject({
      selector: labels,
      ports: z.array(z.strictObject({ name, port: z.int(), targetPort: port })),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal("networking.k8s.io/v1"),
    kind: z.literal("NetworkPolicy"),
    metadata,
    spec: z.strictObject({
      podSelector: selector,
      policyTypes: z.array(z.enum(["Ingress", "Egress"])),
      ingress: z.array(z.strictObject({ from: z.array(peer), ports: z.array(policyPort) })),
      egress: z.array(z.strictObject({ to: z.array(peer), ports: z.array(policyPort) })),
    }),
  }),
]);
export type KubernetesObject = z.infer<typeof objectSchema>;
