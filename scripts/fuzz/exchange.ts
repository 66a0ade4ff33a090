/** One exchange with a service over a socket, for requests that no client would send. */

/**
 * The reply to bytes that are sent as they are, as far as `isWhole` asks for it, by default its first bytes; empty: the
 * connection was ended without one.
 */
export async function exchange(
  address: { readonly hostname: string; readonly port: number },
  bytes: Uint8Array,
  { replyMs, isWhole = () => true }: {
    readonly replyMs: number;
    readonly isWhole?: (received: Uint8Array) => boolean;
  },
): Promise<Uint8Array> {
  const connection = await Deno.connect(address);
  const timer = setTimeout(() => close(connection), replyMs);
  let received = new Uint8Array();
  try {
    for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
    const buffer = new Uint8Array(4096);
    for (let size; (size = await connection.read(buffer)) !== null;) {
      received = Uint8Array.of(...received, ...buffer.subarray(0, size));
      if (isWhole(received)) break;
    }
    return received;
  } catch (error) {
    if (
      error instanceof Error && /^(BadResource|ConnectionReset|BrokenPipe|Interrupted|NotConnected)$/.test(error.name)
    ) return received;
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
