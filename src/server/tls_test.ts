/** A server that does TLS itself, with a certificate that openssl makes for the test. */
import assert from "node:assert/strict";
import { Tokens } from "../identity/mod.ts";
import { runs } from "../process/testing/programs.ts";
import { openDatabase } from "../storage/mod.ts";
import { startServer } from "./mod.ts";
import { FAKE_TASKS } from "./testing/server.ts";

const openssl = await runs("openssl", "version");

async function makeCertificate(folder: string): Promise<{ cert: string; key: string }> {
  const args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split(" ");
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"];
  const { success } = await new Deno.Command("openssl", {
    args: [...args, ...names, "-keyout", `${folder}/key`, "-out", `${folder}/cert`],
    stderr: "null",
  }).output();
  assert.ok(success, "openssl made no certificate");
  return { cert: await Deno.readTextFile(`${folder}/cert`), key: await Deno.readTextFile(`${folder}/key`) };
}

Deno.test({
  name: "over TLS the session's cookie is for TLS only, and plain HTTP gets no answer" +
    (openssl ? "" : " (skipped: there is no openssl)"),
  ignore: !openssl,
  async fn() {
    const data = await Deno.makeTempDir();
    const tls = await makeCertificate(data);
    const database = await openDatabase({ dataDirectory: data });
    const { text } = await new Tokens(database).create({ name: "ada", role: "admin", createdBy: "test" });
    await database.close();
    const options = { data, port: 0, provider: "cpu", tasksModule: FAKE_TASKS, log: () => {} } as const;
    const server = await startServer({ ...options, tls, login: { kind: "token" } });
    using client = Deno.createHttpClient({ caCerts: [tls.cert] });
    try {
      assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
      const body = JSON.stringify({ token: text });
      const headers = { "content-type": "application/json" };
      const login = await fetch(`${server.url}/login`, { method: "POST", body, headers, client });
      assert.equal(login.status, 204);
      const [cookie] = login.headers.getSetCookie();
      assert.match(cookie, /^__Host-sulcus-session=[\w-]{43};/);
      for (const flag of ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"]) {
        assert.ok(cookie.includes(`; ${flag}`), flag);
      }
      const me = await fetch(`${server.url}/v1/me`, { headers: { cookie: cookie.split(";")[0] }, client });
      assert.equal((await me.json()).name, "ada");
      const version = await fetch(`${server.url}/version`, { headers: { authorization: `Bearer ${text}` }, client });
      const { protection } = await version.json();
      assert.deepEqual([protection.tls, protection.insecure, protection.login], [true, false, "token"]);
      const stranger = await (await fetch(`${server.url}/version`, { client })).json();
      assert.equal(stranger.protection, undefined, "strangers see what protects the server");
      await assert.rejects(fetch(server.url.replace("https:", "http:")));
    } finally {
      await server.close();
      await Deno.remove(data, { recursive: true });
    }
  },
});
