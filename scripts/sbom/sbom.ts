/**
 * The software bill of materials, CycloneDX 1.6: every npm package that the program needs with its hash in deno.lock, the
 * native libraries in them, Deno, and what an image with CUDA or OpenVINO adds; without those that only tests import. Made from files
 * alone, so that the same lock gives the same text.
 */

interface LockedPackage {
  readonly integrity?: string;
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
}

export interface Lock {
  /** `npm:name@wanted` → the version, with its peers. */
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, LockedPackage>>;
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
  /** What the program imports, as deno.json names it: `npm:name@wanted`. */
  readonly imports: readonly string[];
  readonly lock: Lock;
  /** Of the binary in the image. */
  readonly deno: { readonly version: string; readonly sha256: string };
  /** Wheels of PyPI with native libraries, and their use. */
  readonly wheels: readonly {
    readonly project: string;
    readonly version: string;
    readonly sha256: string;
    readonly is: string;
  }[];
}

export function sbom({ project, imports, lock, deno, wheels }: Parts) {
  const root = `pkg:generic/${project.name}@${project.version}`;
  const packages = [...neededKeys(imports, lock)].sort().map((key) => [key, lock.npm[key]] as const);
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
    ...wheels.map(({ project: name, version, sha256, is: description }): Component => ({
      "bom-ref": `pkg:pypi/${name}@${version}`,
      type: "library",
      name,
      version,
      purl: `pkg:pypi/${name}@${version}`,
      scope: "optional",
      description,
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
      ...packages.map(([key]) => ({ ref: purlOf(key), dependsOn: dependenciesOf(key, lock).map(purlOf) })),
    ],
  };
}

/** `@scope/name@1.2.3_peer@4` → the same without the peers. */
function plainOf(key: string): string {
  return key.split("_")[0];
}

function splitKey(key: string): { name: string; version: string } {
  const plain = plainOf(key);
  const at = plain.lastIndexOf("@");
  return { name: plain.slice(0, at), version: plain.slice(at + 1) };
}

function purlOf(key: string): string {
  const { name, version } = splitKey(key);
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** The packages that imports reach. */
function neededKeys(imports: readonly string[], lock: Lock): ReadonlySet<string> {
  const needed = new Set<string>();
  const add = (key: string) => {
    if (needed.has(key)) return;
    needed.add(key);
    dependenciesOf(key, lock).forEach(add);
  };
  for (const specifier of imports) {
    const at = specifier.lastIndexOf("@");
    const version = lock.specifiers[specifier] ??
      refuse(`Cannot write the bill of materials: ${specifier} is not in deno.lock`);
    add(`${specifier.slice("npm:".length, at)}@${version}`);
  }
  return needed;
}

/** The lock names a dependency without its version where there is only one. */
function dependenciesOf(key: string, { npm }: Lock): string[] {
  const { dependencies = [], optionalDependencies = [] } = npm[key] ??
    refuse(`Cannot write the bill of materials: ${key} is not in deno.lock`);
  return [...dependencies, ...optionalDependencies].map((name) =>
    Object.keys(npm).find((other) => other === name || splitKey(other).name === name || plainOf(other) === name) ??
      refuse(`Cannot write the bill of materials: ${name}, which ${key} needs, is not in deno.lock`)
  );
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
