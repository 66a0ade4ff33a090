/** `/`: the web page. Its style is in the document, its modules lie beside it; everything shown comes from the API. */

/** A page and the Content Security Policy that allows no more than it needs. */
export interface Page {
  readonly html: string;
  readonly policy: string;
  /** Its modules by file name. */
  readonly modules: ReadonlyMap<string, string>;
}

const FOLDER = new URL("./page/", import.meta.url);

/** Reads the page from its files. */
export async function readPage(): Promise<Page> {
  const read = (name: string) => Deno.readTextFile(new URL(name, FOLDER));
  const [html, style] = await Promise.all(["page.html", "page.css"].map(read));
  const modules = new Map<string, string>();
  for await (const { name } of Deno.readDir(FOLDER)) if (name.endsWith(".js")) modules.set(name, await read(name));
  return {
    html: html.replace('<link rel="stylesheet" href="page.css">', () => `<style>${style}</style>`),
    policy: await policyFor({ style, scripts: true }),
    modules,
  };
}

/**
 * Allows exactly this style, and with `scripts` the modules and the API of this server. No other route replies with
 * scripts, and scripts can make none: Trusted Types refuse text where it would become HTML or code.
 */
export async function policyFor({ style, scripts }: { style: string; scripts: boolean }): Promise<string> {
  const parts = [
    "default-src 'none'",
    `style-src ${await hash(style)}`,
    "img-src 'self' data:",
    ...(scripts
      ? ["script-src 'self'", "connect-src 'self'", "require-trusted-types-for 'script'", "trusted-types 'none'"]
      : []),
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
