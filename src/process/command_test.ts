import assert from "node:assert/strict";
import type { Confinement } from "./command.ts";
import { Supervisor } from "./mod.ts";

const MIB = 2 ** 20;
const probe = (confinement?: Confinement) =>
  new Supervisor({
    title: "the probe",
    module: import.meta.resolve("./testing/probe_child.ts"),
    confinement,
    onQuestion: (method, params) => Promise.resolve({ method, params }),
  });

Deno.test("a worker gets the variables of runtimes and drivers, and none of the service's secrets", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const secrets = ["DATABASE_URL", "SULCUS_OIDC_SECRET", "SULCUS_TOKEN", "AWS_SECRET_ACCESS_KEY", "DENO_AUTH_TOKENS"];
  // a process of its own: tests of other files read the variables of this one
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", import.meta.resolve("./testing/environment_child.ts")],
    env: { ...Object.fromEntries(secrets.map((name) => [name, "s3cret"])), NVIDIA_TF32_OVERRIDE: "0" },
  }).output();
  const found: string[][] = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(found.length, 2);
  for (const variables of found) {
    assert.deepEqual(variables.filter((name) => secrets.includes(name)), []);
    assert.ok(variables.includes("PATH") && variables.includes("GIVEN"), variables.join());
  }
  assert.deepEqual(found.map((variables) => variables.includes("NVIDIA_TF32_OVERRIDE")), [true, false]);
});

const NEVER = ["connect", "listen", "resolve", "run", "kill", "machine", "user"];
/** What some may whose packages ask for it. */
const SOME = ["read", "write", "load", "variable", "variables", "load average"];
const KINDS: Record<
  string,
  (folder: string) => { readonly confinement?: Confinement; readonly may: readonly string[] }
> = {
  "one of whom nothing is said": () => ({ may: [] }),
  "a reader of strangers' files": (folder) => ({
    confinement: { reads: [folder], writes: [], memoryBytes: 512 * MIB },
    may: ["read"],
  }),
  "a worker": (folder) => ({ confinement: { reads: [folder], writes: [folder] }, may: ["read", "write"] }),
  "a device process with a native library": (folder) => ({
    confinement: { reads: [folder], writes: [folder], native: true },
    may: ["read", "write", "load"],
  }),
  "a device process whose threads copy all variables, and which names the processor": (folder) => ({
    confinement: { reads: [folder], writes: [folder], variables: "all", facts: ["loadavg"] },
    may: ["read", "write", "variable", "variables", "load average"],
  }),
  "one that asks for a variable": (folder) => ({
    confinement: { reads: [folder], writes: [], variables: ["HOME"] },
    may: ["read", "variable"],
  }),
};

Deno.test("children open no socket, start no program, read and write no other file, and learn nothing of the machine", async (t) => {
  for (const [name, kindOf] of Object.entries(KINDS)) {
    await t.step(name, async () => {
      const folder = await Deno.makeTempDir();
      await Deno.writeTextFile(`${folder}/file`, "content");
      const { confinement, may } = kindOf(folder);
      const child = probe(confinement);
      const attempt = (does: string, path: string) => child.call("attempt", { does, path });
      try {
        for (const does of [...SOME, ...NEVER]) {
          const found = await attempt(does, `${folder}/file`);
          assert.equal(found, may.includes(does) ? "done" : "NotCapable", does);
        }
        for (const path of ["/etc/passwd", `/proc/${Deno.pid}/environ`, `${folder}-other`]) {
          assert.equal(await attempt("read", path), "NotCapable", path);
        }
        for (const path of [`${folder}-other`, import.meta.filename!]) {
          assert.equal(await attempt("write", path), "NotCapable", path);
        }
      } finally {
        await child.close();
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
});

Deno.test("ask() gets the parent's answer in a child, or its refusal", async () => {
  const child = probe();
  assert.deepEqual(await child.call("ask", { a: 1 }), { method: "echo", params: { a: 1 } });
  await child.close();
  const lonely = new Supervisor({ title: "the probe", module: import.meta.resolve("./testing/probe_child.ts") });
  await assert.rejects(lonely.call("ask", 1), new TypeError('Cannot answer "echo": nothing may be asked'));
  await lonely.close();
});
