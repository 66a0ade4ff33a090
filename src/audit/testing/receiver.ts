/** A receiver of syslog over TLS, for tests: it keeps the messages that it reads by octet counting. */
import { readFileSync } from "node:fs";

const file = (name: string) => readFileSync(new URL(`./${name}`, import.meta.url), "utf8");
/** The authority that the receiver's certificate comes from. */
export const TEST_CA = file("ca.pem");

export class TestReceiver implements AsyncDisposable {
  readonly messages: string[] = [];
  readonly port: number;
  readonly #listener: Deno.TlsListener;
  readonly #open = new Set<Deno.TlsConn>();
  readonly #accepting: Promise<void>;

  constructor(port = 0) {
    const keys = { cert: file("receiver.pem"), key: file("receiver.key") };
    this.#listener = Deno.listenTls({ hostname: "127.0.0.1", port, ...keys });
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#accepting = this.#accept();
  }

  /** Ends every connection, as a receiver does that is restarted. */
  hangUp(): void {
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.hangUp();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const reading: Promise<void>[] = [];
    try {
      for await (const connection of this.#listener) {
        this.#open.add(connection);
        reading.push(this.#read(connection).catch(() => {}).finally(() => this.#open.delete(connection)));
      }
    } catch { /* closed while a client shook hands */ }
    await Promise.all(reading);
  }

  async #read(connection: Deno.TlsConn): Promise<void> {
    let held = new Uint8Array(0);
    const buffer = new Uint8Array(65536);
    for (let size = await connection.read(buffer); size !== null; size = await connection.read(buffer)) {
      const joined = new Uint8Array(held.length + size);
      joined.set(held);
      joined.set(buffer.subarray(0, size), held.length);
      held = joined;
      for (;;) {
        const space = held.indexOf(0x20);
        const length = space < 0 ? NaN : Number(new TextDecoder().decode(held.subarray(0, space)));
        if (!(held.length >= space + 1 + length)) break;
        this.messages.push(new TextDecoder().decode(held.subarray(space + 1, space + 1 + length)));
        held = held.slice(space + 1 + length);
      }
    }
  }
}
