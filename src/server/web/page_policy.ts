/** Content Security Policies for pages that bring their own style and script and load nothing. */

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
