/** One exchange with a service over a socket, for requests that no client would send. */

/** The first bytes of the reply to bytes that are sent as they are; "": the connection was ended without one. */
export async function exchange(
  address: { readonly hostname: string; readonly port: number },
  bytes: Uint8Array,
  { replyMs }: { readonly replyMs: number },
): Promise<string> {
  const connection = await Deno.connect(address);
  const timer = setTimeout(() => close(connection), replyMs);
  try {
    for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
    const buffer = new Uint8Array(4096);
    const size = await connection.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, size ?? 0));
  } catch (error) {
    if (
      error instanceof Error && /^(BadResource|ConnectionReset|BrokenPipe|Interrupted|NotConnected)$/.test(error.name)
    ) return "";
    throw error;
  } finally {
    clearTimeout(timer);
    close(connection);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch { /* it is closed already */ }
}
