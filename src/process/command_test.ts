import assert from "node:assert/strict";
import { Supervisor } from "./mod.ts";

Deno.test("a worker gets the variables of runtimes and drivers, and none of the service's secrets", async () => {
  const secrets = ["DATABASE_URL", "SULCUS_OIDC_SECRET", "SULCUS_TOKEN", "AWS_SECRET_ACCESS_KEY", "DENO_AUTH_TOKENS"];
  for (const name of secrets) Deno.env.set(name, "s3cret");
  const child = new Supervisor({
    title: "the probe",
    module: import.meta.resolve("./testing/probe_child.ts"),
    env: { NVIDIA_TF32_OVERRIDE: "0" },
  });
  try {
    const variables = await child.call("variables", {}) as readonly string[];
    assert.deepEqual(variables.filter((name) => secrets.includes(name)), []);
    assert.ok(variables.includes("NVIDIA_TF32_OVERRIDE") && variables.includes("PATH"), variables.join());
  } finally {
    await child.close();
    for (const name of secrets) Deno.env.delete(name);
  }
});
