/**
 * The software bill of materials, CycloneDX 1.6: every npm package of deno.lock with its hash, the native libraries in
 * them, Deno, and what an image with CUDA adds. Made from files alone, so that the same lock gives the same text.
 */

export interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity?: string; readonly dependencies?: readonly string[] }>>;
}

interface Component {
  readonly "bom-ref": string;
  readonly type: "library" | "application";
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  readonly scope?: "optional";
  readonly description?: string;
}

export interface Parts {
  readonly project: { readonly name: string; readonly version: string };
  readonly lock: Lock;
  /** Of the binary in the image. */
  readonly deno: { readonly version: string; readonly sha256: string };
  /** SHA-256 of the wheel with ONNX Runtime's CUDA provider, by its version. */
  readonly wheels: Readonly<Record<string, string>>;
}

export function sbom({ project, lock, deno, wheels }: Parts) {
  const root = `pkg:generic/${project.name}@${project.version}`;
  const packages = Object.entries(lock.npm);
  const components: Component[] = [
    {
      "bom-ref": `pkg:generic/deno@${deno.version}`,
      type: "application",
      name: "deno",
      version: deno.version,
      purl: `pkg:generic/deno@${deno.version}`,
      description: "The runtime, with V8 inside; the hash is that of the binary for Linux on x86-64",
      hashes: [{ alg: "SHA-256", content: deno.sha256 }],
    },
    ...packages.map(([key, { integrity }]) => packageOf(key, integrity)),
    ...Object.entries(wheels).map(([version, sha256]): Component => ({
      "bom-ref": `pkg:pypi/onnxruntime-gpu@${version}`,
      type: "library",
      name: "onnxruntime-gpu",
      version,
      purl: `pkg:pypi/onnxruntime-gpu@${version}`,
      scope: "optional",
      description: "ONNX Runtime's CUDA provider, in the image built with CUDA=yes",
      hashes: [{ alg: "SHA-256", content: sha256 }],
    })),
  ];
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: { "bom-ref": root, type: "application", name: project.name, version: project.version, purl: root },
    },
    components,
    dependencies: [
      { ref: root, dependsOn: components.map((component) => component["bom-ref"]) },
      ...packages.map(([key, { dependencies = [] }]) => ({
        ref: purlOf(key),
        dependsOn: dependencies.flatMap((name) => resolved(name, packages.map(([other]) => other))).map(purlOf),
      })),
    ],
  };
}

/** `@scope/name@1.2.3_peer@4` → its parts, without the peers. */
function splitKey(key: string): { name: string; version: string } {
  const plain = key.split("_")[0];
  const at = plain.lastIndexOf("@");
  return { name: plain.slice(0, at), version: plain.slice(at + 1) };
}

function purlOf(key: string): string {
  const { name, version } = splitKey(key);
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** A dependency as the lock names it, with or without its version. */
function resolved(dependency: string, keys: readonly string[]): string[] {
  return keys.filter((key) => key === dependency || splitKey(key).name === dependency).slice(0, 1);
}

function packageOf(key: string, integrity: string | undefined): Component {
  const { name, version } = splitKey(key);
  const [, digest] = /^sha512-([A-Za-z0-9+/]+=*)$/.exec(integrity ?? "") ??
    refuse(`Cannot write the bill of materials: ${key} has no sha512 in deno.lock`);
  const hashes = [{ alg: "SHA-512", content: Uint8Array.fromBase64(digest).toHex() }];
  const purl = purlOf(key);
  return { "bom-ref": purl, type: "library", name, version, purl, hashes };
}

function refuse(message: string): never {
  throw new RangeError(message);
}
