/** Files as replies, streamed from disk. */

/**
 * A reply with an open file's content and length. The file may be removed once this has resolved: it is open, and its
 * content stays until the reply is sent or given up.
 */
export async function fileReply(path: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  const file = await Deno.open(path);
  const { size } = await file.stat();
  return new Response(file.readable, { headers: { "content-length": String(size), ...headers } });
}

/** Asks a browser to save the reply under a name of ours. */
export function attachment(fileName: string): Record<string, string> {
  return { "content-disposition": `attachment; filename="${fileName}"` };
}
