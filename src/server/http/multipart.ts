/** Multipart forms, read while they arrive: each part goes to a function as a stream. Knows no part by name. */
import { Busboy, type BusboyFileStream, type BusboyInstance } from "@fastify/busboy";
import { once } from "node:events";
import { bodyChunks, type BodyLimits } from "./body.ts";
import { Problem, problemOf } from "./problems.ts";

/** One part of a form. */
export interface FormPart {
  readonly name: string;
  /** The name of the client's file, without folders. It may be a patient's: see the form that reads it. */
  readonly fileName: string | undefined;
  readonly stream: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

export interface MultipartOptions {
  readonly body: BodyLimits;
  readonly maxParts: number;
  /** Reads a part to its end, or refuses it, which ends the reading of the form. */
  readonly take: (part: FormPart) => Promise<void>;
}

/**
 * Reads a form to its end.
 * @throws {Problem} `invalid-multipart`, `invalid-request`, and what `take` throws
 */
export async function readMultipart(request: Request, options: MultipartOptions): Promise<void> {
  await new MultipartReader(request, options).read();
}

class MultipartReader {
  readonly #request: Request;
  readonly #settings: MultipartOptions;
  readonly #parts: Promise<void>[] = [];
  readonly #failed = Promise.withResolvers<never>();
  #open: BusboyFileStream | undefined;

  constructor(request: Request, settings: MultipartOptions) {
    this.#request = request;
    this.#settings = settings;
    this.#failed.promise.catch(() => {}); // it may fail before read() races it
  }

  async read(): Promise<void> {
    const parser = this.#parser();
    const finished = once(parser, "finish");
    finished.catch(() => {});
    try {
      for await (const chunk of bodyChunks(this.#request, this.#settings.body)) {
        // A refused part ends the reading; otherwise wait until the parser can take more.
        const drained = parser.write(chunk) ? undefined : once(parser, "drain");
        await Promise.race([this.#failed.promise, drained]);
      }
      parser.end();
      await Promise.race([this.#failed.promise, finished]);
      // A part may still fail when the form itself is complete.
      await Promise.race([this.#failed.promise, Promise.all(this.#parts)]);
    } catch (error) {
      this.#open?.destroy(new Error("The form was given up"));
      throw error instanceof Problem ? error : problemOf(error);
    } finally {
      parser.removeAllListeners();
      parser.on("error", () => {}).destroy();
      await Promise.allSettled(this.#parts);
    }
  }

  #parser(): BusboyInstance {
    const { maxParts, take } = this.#settings;
    const malformed = (error: unknown) =>
      new Problem("invalid-multipart", "Cannot read the form: it is no complete multipart/form-data", { cause: error });
    let parser: BusboyInstance;
    try {
      parser = new Busboy({
        headers: { "content-type": this.#request.headers.get("content-type") ?? "" },
        isPartAFile: () => true,
        limits: { parts: maxParts, headerPairs: 20, headerSize: 16 * 1024 },
      });
    } catch (error) {
      throw malformed(error);
    }
    parser.on("error", (error) => this.#failed.reject(malformed(error)));
    parser.on("partsLimit", () => {
      this.#failed.reject(new Problem("invalid-request", `Cannot read the form: it has more than ${maxParts} parts`));
    });
    parser.on("file", (name: string | undefined, stream, fileName) => {
      this.#open = stream;
      stream.on("error", () => {}); // its reader gets the error; without a reader it must not end the process
      const part = taken(take, { name, fileName, stream }).catch((error) => {
        this.#failed.reject(error);
        stream.resume();
      });
      this.#parts.push(part);
    });
    return parser;
  }
}

/** Gives a part to its reader. @throws {Problem} `invalid-request` it has no name, which busboy lets through */
async function taken(
  take: MultipartOptions["take"],
  { name, ...part }: Omit<FormPart, "name"> & { readonly name: string | undefined },
): Promise<void> {
  if (name === undefined) throw new Problem("invalid-request", "Cannot read the form: a part has no name");
  await take({ name, ...part });
}

/** The chunks of a part; `what` names it in the message. @throws {Problem} `too-large` */
export async function* bounded(
  stream: AsyncIterable<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
  what: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new Problem("too-large", `Cannot take ${what}: expected at most ${maxBytes} bytes, got more`, {
        path: what,
      });
    }
    yield chunk;
  }
}
