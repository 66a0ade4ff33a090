/** Replies: JSON, and files streamed from disk. */
import { WRITTEN_ENDING } from "../../volume/mod.ts";

export function json(value: unknown, { status = 200, headers = {} }: ResponseInit = {}): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json", ...headers } });
}

/**
 * A reply with the content and length of a file. The file may be removed once this has resolved: it is open then, and
 * its content stays until the reply is sent or aborted.
 */
export async function fileReply(path: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  const file = await Deno.open(path);
  const { size } = await file.stat();
  return new Response(file.readable, { headers: { "content-length": String(size), ...headers } });
}

/** The name under which clients get a mask. */
export const MASK_FILE = `mask${WRITTEN_ENDING}`;

/** Makes a browser save the reply as `fileName`, which must not come from a client. */
export function attachment(fileName: string): Record<string, string> {
  return { "content-disposition": `attachment; filename="${fileName}"` };
}
