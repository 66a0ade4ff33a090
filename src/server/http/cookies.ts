/** The cookies of the web page: its session, and a login that is under way. No script can read them. */
import { parse, serialize } from "hono/utils/cookie";
import { SESSION_HOURS } from "../../identity/mod.ts";
import type { ServerSettings } from "../settings.ts";

type Settings = Pick<ServerSettings, "secure">;

const KINDS = {
  session: { maxAge: SESSION_HOURS * 3600, sameSite: "Strict" },
  // The provider sends the browser back from its own site.
  login: { maxAge: 600, sameSite: "Lax" },
} as const;
export type CookieName = keyof typeof KINDS;

/** Over TLS a prefix keeps other servers of the same domain from setting it. */
function fullName(name: CookieName, { secure }: Settings): string {
  return secure ? `__Host-sulcus-${name}` : `sulcus-${name}`;
}

export function cookieOf(request: Request, settings: Settings, name: CookieName): string | undefined {
  const full = fullName(name, settings);
  return parse(request.headers.get("cookie") ?? "", full)[full];
}

export function newCookie(settings: Settings, name: CookieName, value: string): string {
  const { secure } = settings;
  return serialize(fullName(name, settings), value, { path: "/", httpOnly: true, secure, ...KINDS[name] });
}

export function droppedCookie(settings: Settings, name: CookieName): string {
  const { secure } = settings;
  return serialize(fullName(name, settings), "", { path: "/", httpOnly: true, secure, ...KINDS[name], maxAge: 0 });
}
