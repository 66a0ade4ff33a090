/** `/`: the web page, one document assembled from its parts; everything on it comes from the API that it calls. */

/** A page and the Content Security Policy that allows no more than it needs. */
export interface Page {
  readonly html: string;
  readonly policy: string;
}

let assembled: Promise<Page> | undefined;

export async function webPage(): Promise<Page> {
  return await (assembled ??= assemble());
}

async function assemble(): Promise<Page> {
  const [html, style, script] = await Promise.all(["page.html", "page.css", "page.js"].map(part));
  const whole = html.replace('<link rel="stylesheet" href="page.css">', () => `<style>${style}</style>`)
    .replace('<script type="module" src="page.js"></script>', () => `<script type="module">${script}</script>`);
  return { html: whole, policy: await policyFor({ style, script }) };
}

async function part(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(`./page/${name}`, import.meta.url));
}

/** Allows exactly this style and this script, and calls to this server. */
export async function policyFor({ style, script }: { style: string; script?: string }): Promise<string> {
  const parts = [
    "default-src 'none'",
    `style-src ${await hash(style)}`,
    "img-src 'self' data:",
    ...(script === undefined ? [] : [`script-src ${await hash(script)}`, "connect-src 'self'"]),
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return parts.join("; ");
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}
