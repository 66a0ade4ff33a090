/** One connection of a client as the stream that `node:http` reads and writes. */
import { Duplex } from "node:stream";

/** Bytes that are read at once. */
const READ_BYTES = 64 * 1024;
/** Smaller reads are copied, so that what is kept of them does not hold a whole buffer. */
const COPIED_BYTES = READ_BYTES / 4;

/**
 * Wraps what `Deno.listen` accepts. A server of `node:net` cannot be used: where the process has no file descriptor
 * left, it closes its listening socket for good.
 */
export class Connection extends Duplex {
  readonly remoteAddr: Deno.NetAddr;
  /** `node:http` reads it: true under TLS. */
  readonly encrypted: boolean;
  readonly #conn: Deno.Conn;
  #buffer = new Uint8Array(READ_BYTES);
  #reading = false;
  #first: Uint8Array | undefined;
  #timeoutMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(conn: Deno.Conn, { remoteAddr, encrypted }: { remoteAddr: Deno.NetAddr; encrypted: boolean }) {
    super({ allowHalfOpen: false });
    this.#conn = conn;
    this.remoteAddr = remoteAddr;
    this.encrypted = encrypted;
  }

  /** Waits for the first bytes, which say the protocol; they stay to be read. Empty: the client closed. */
  async firstBytes(): Promise<Uint8Array> {
    const read = await this.#conn.read(this.#buffer);
    this.#first = this.#buffer.slice(0, read ?? 0);
    return this.#first;
  }

  override _read(): void {
    if (this.#first !== undefined) {
      const first = this.#first;
      this.#first = undefined;
      if (!this.push(first)) return;
    }
    if (this.#reading) return;
    this.#reading = true;
    void this.#fill();
  }

  /** Reads until the other side has enough. */
  async #fill(): Promise<void> {
    try {
      for (let wanted = true; wanted;) {
        const read = await this.#conn.read(this.#buffer);
        this.#alive();
        if (read === null) {
          this.push(null);
          return;
        }
        const bytes = read < COPIED_BYTES ? this.#buffer.slice(0, read) : this.#buffer.subarray(0, read);
        if (read >= COPIED_BYTES) this.#buffer = new Uint8Array(READ_BYTES);
        wanted = this.push(bytes);
      }
      this.#reading = false;
    } catch (error) {
      this.destroy(error instanceof Error ? error : undefined);
    }
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#writeAll(chunk).then(() => done(), done);
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    for (let sent = 0; sent < chunk.length;) {
      sent += await this.#conn.write(chunk.subarray(sent));
      this.#alive();
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#conn.closeWrite().then(() => done(), () => done()); // it is closed already
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    try {
      this.#conn.close();
    } catch {
      // The other side closed it.
    }
    done(error);
  }

  /** Sends what was written, then closes. `node:http` calls it after the last reply. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy()).end();
  }

  /** Emits `timeout` once nothing was read or written for `ms`; 0: never. */
  setTimeout(ms: number, listener?: () => void): this {
    this.#timeoutMs = ms;
    if (listener !== undefined) this.once("timeout", listener);
    clearTimeout(this.#timer);
    if (ms > 0) this.#timer = setTimeout(() => this.emit("timeout"), ms);
    return this;
  }

  #alive(): void {
    if (this.#timeoutMs > 0 && !this.destroyed) this.setTimeout(this.#timeoutMs);
  }

  // The settings of a socket that `node:http` and `node:http2` make and that do not matter here.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
