/** Callers with tokens, on a bench that has logins. */
import assert from "node:assert/strict";
import type { LoginSettings, TokenWish } from "../../identity/mod.ts";
import type { Bench, Call } from "./server.ts";
import { PUBLIC_URL, signIn } from "./provider.ts";

export const TOKENS: LoginSettings = { kind: "token" };

/** Makes a token and returns calls that send it. */
export async function callerOf({ services, call }: Bench, wish: Omit<TokenWish, "name" | "createdBy">): Promise<Call> {
  const { text } = await services.logins.tokens.create({ name: "a test", createdBy: "a test", ...wish });
  return callWith(call, { authorization: `Bearer ${text}` });
}

/** Calls that send headers. */
export function callWith(call: Call, headers: Record<string, string>): Call {
  return (method, path, init = {}) =>
    call(method, path, { ...init, headers: { ...headers, ...Object.fromEntries(new Headers(init.headers)) } });
}

/** Logs in at the provider as a browser does, and returns the session's cookie. */
export async function logIn({ call }: Bench, account: string): Promise<string> {
  const start = await call("GET", "/login");
  assert.equal(start.status, 302);
  const pending = cookieIn(start, "sulcus-login");
  const back = await signIn(start.headers.get("location")!, account);
  const end = await call("GET", back.href.slice(PUBLIC_URL.length), { headers: { cookie: pending } });
  assert.deepEqual([end.status, end.headers.get("location")], [302, "/"]);
  return cookieIn(end, "sulcus-session");
}

/** A cookie that a reply sets, as a request sends it. */
export function cookieIn(reply: Response, name: string): string {
  const found = reply.headers.getSetCookie().find((one) => one.startsWith(`${name}=`));
  assert.ok(found, `the reply sets no cookie ${name}`);
  assert.match(found, /; HttpOnly/);
  assert.match(found, name === "sulcus-session" ? /; SameSite=Strict/ : /; SameSite=Lax/);
  return found.split(";")[0];
}
