/**
 * Logs in to the web page with a real browser, at a real OpenID Connect provider: `deno task login-page`. Needs Chromium
 * (CHROMIUM names it; default /usr/bin/chromium). Not a test of CI, where an HTTP client does the same.
 */
import assert from "node:assert/strict";
import { type BrowserContext, chromium, type Page } from "npm:playwright-core@1.65.1";
import { startServer } from "../../src/server/mod.ts";
import { FAKE_TASKS } from "../../src/server/testing/server.ts";
import { startProvider } from "../../src/server/testing/provider.ts";

const WAIT_MS = 60_000;

/** A port that nobody has now: the provider must know it before the server starts. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function logIn(page: Page, url: string, account: string): Promise<void> {
  await page.goto(url);
  await page.getByRole("link", { name: "Log in" }).click();
  await page.locator('input[name="login"]').fill(account);
  await page.locator('input[name="password"]').fill("any");
  await page.getByRole("button").first().click();
  await page.getByRole("button", { name: "Continue" }).click(); // consent
  await page.waitForURL(`${url}/`);
}

async function check(page: Page, context: BrowserContext, url: string): Promise<void> {
  await logIn(page, url, "ada-admins-neuro");
  await page.getByText("ada-admins-neuro (admin)").waitFor();
  await page.locator("#dataset-list").waitFor();
  const session = (await context.cookies(url)).find(({ name }) => name === "sulcus-session");
  assert.deepEqual([session?.httpOnly, session?.sameSite], [true, "Strict"]);
  assert.equal(await page.evaluate("document.cookie"), "", "a script sees a cookie");
  assert.equal(await page.evaluate("fetch('/v1/datasets').then((reply) => reply.status)"), 200);
  console.log("logged in by the provider: name and role are shown, no script sees the session");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("link", { name: "Log in" }).waitFor();
  assert.equal(await page.evaluate("fetch('/v1/datasets').then((reply) => reply.status)"), 401);
  console.log("logged out: the API answers 401");
  await context.clearCookies();
  await logIn(page, url, "eve-nobodies");
  await page.getByText("You are logged in, but have no role here").waitFor();
  console.log("somebody without a role is told so");
}

const data = await Deno.makeTempDir();
const port = freePort();
const url = `http://127.0.0.1:${port}`;
await using provider = await startProvider(url);
const login = { kind: "oidc", oidc: provider.settings } as const;
const options = { data, port, provider: "cpu", tasksModule: FAKE_TASKS, log: () => {} } as const;
const server = await startServer({ ...options, login, publicUrl: url });
const browser = await chromium.launch({
  executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  await check(page, context, url);
  console.log("The login works in a real browser.");
} finally {
  await browser.close();
  await server.close();
  await Deno.remove(data, { recursive: true });
}
