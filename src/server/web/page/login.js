// @ts-check
// Who is logged in, and the ways in and out.

/** @import { Identity, Version } from "./api.d.ts" */
import { call } from "./api.js";
import { byId, formById, h, redraw } from "./dom.js";
import { attempt } from "./state.js";

/** @type {Version["login"] | undefined} */
let kind;

/** Shows who is logged in. @returns {Promise<boolean>} whether the rest of the page may be loaded */
export async function refreshLogin() {
  kind ??= (await call("GET /version")).login;
  if (kind === "none") return true;
  const reply = await fetch("/v1/me"); // 401: nobody; 403: somebody without a role
  /** @type {Identity | undefined} */
  const me = reply.ok ? await reply.json() : undefined;
  const isNobody = reply.status === 401;
  byId("token-form").hidden = !(isNobody && kind === "token");
  redraw("who", [reply.status, me], () => {
    if (isNobody) return kind === "oidc" ? h("a", { href: "/login" }, "Log in") : h("span", {}, "Not logged in");
    const name = me ? `${me.name} (${me.roles.join(", ")})` : "You are logged in, but have no role here";
    return [h("span", {}, `${name} `), h("button", { type: "button", onclick: () => attempt(logOut) }, "Log out")];
  });
  return reply.ok;
}

async function logOut() {
  await call("POST /logout");
  location.reload();
}

const { form, input } = formById("token-form");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    await call("POST /login", { body: { token: input("token").value.trim() } });
    form.reset();
  });
});
