/**
 * Multipart forms with one volume per modality, parsed while they arrive; each part is written to a spool file. The
 * names of the client's files are never read, because they may be those of patients.
 */
import { Busboy, type BusboyFileStream, type BusboyInstance } from "@fastify/busboy";
import { once } from "node:events";
import type { z } from "zod";
import { bodyChunks, type BodyLimits, checkedStart } from "./body.ts";
import { Problem, problemOf } from "./problems.ts";
import { type SpoolFolder, writeChunks } from "./spool.ts";
import { parseJson, parseWith } from "./validate.ts";

export interface FormOptions<T, Part extends string> {
  readonly folder: SpoolFolder;
  /** Schema of the JSON part `options`. */
  readonly options: z.ZodType<T>;
  readonly body: BodyLimits;
  readonly maxFileBytes: number;
  /** The files will outlive the request. */
  readonly durable: boolean;
  /** The part that a name means; null: none. */
  readonly partOf: (name: string) => Part | null;
}

export interface VolumeForm<T, Part extends string> {
  /** Spool files by part, in the order in which they came. */
  readonly images: Partial<Record<Part, string>>;
  readonly options: T;
}

/** More than the modalities and the options. */
const MAX_PARTS = 16;
const MAX_OPTIONS_BYTES = 64 * 1024;

/**
 * Reads a form to its end.
 * @throws {Problem} `invalid-multipart`, `invalid-request` naming the part, `unsupported-media-type`, `too-large`
 */
export async function readVolumeForm<T, Part extends string>(
  request: Request,
  options: FormOptions<T, Part>,
): Promise<VolumeForm<T, Part>> {
  const reader = new FormReader(request, options);
  await reader.read();
  return {
    images: reader.images,
    options: parseWith(options.options, reader.optionsValue, "options"),
  };
}

class FormReader<T, Part extends string> {
  readonly images: Partial<Record<Part, string>> = {};
  optionsValue: unknown = {};
  readonly #request: Request;
  readonly #settings: FormOptions<T, Part>;
  readonly #parts: Promise<void>[] = [];
  readonly #names = new Set<string>();
  readonly #failed = Promise.withResolvers<never>();
  #open: BusboyFileStream | undefined;

  constructor(request: Request, settings: FormOptions<T, Part>) {
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
    const malformed = (error: unknown) =>
      new Problem("invalid-multipart", "Cannot read the form: it is no complete multipart/form-data", { cause: error });
    let parser: BusboyInstance;
    try {
      parser = new Busboy({
        headers: { "content-type": this.#request.headers.get("content-type") ?? "" },
        isPartAFile: () => true,
        limits: { parts: MAX_PARTS, headerPairs: 20, headerSize: 16 * 1024 },
      });
    } catch (error) {
      throw malformed(error);
    }
    parser.on("error", (error) => this.#failed.reject(malformed(error)));
    parser.on("partsLimit", () => {
      this.#failed.reject(new Problem("invalid-request", `Cannot read the form: it has more than ${MAX_PARTS} parts`));
    });
    parser.on("file", (name, stream) => {
      this.#open = stream;
      stream.on("error", () => {}); // its reader gets the error; without a reader it must not end the process
      const part = this.#take(name, stream).catch((error) => {
        this.#failed.reject(error);
        stream.resume();
      });
      this.#parts.push(part);
    });
    return parser;
  }

  async #take(name: string, stream: BusboyFileStream): Promise<void> {
    const part = this.#settings.partOf(name);
    const what = part ?? (name === "options" ? "options" : null);
    if (what === null) {
      throw new Problem("invalid-request", 'Cannot read the form: a part is neither a modality nor "options"', {
        path: printable(name),
      });
    }
    if (this.#names.has(what)) {
      throw new Problem("invalid-request", `Cannot read the form: it has two parts for ${what}`, { path: what });
    }
    this.#names.add(what);
    if (part === null) {
      this.optionsValue = parseJson(await smallContent(stream), "options");
      return;
    }
    const { folder, maxFileBytes, durable } = this.#settings;
    const path = folder.path(part);
    this.images[part] = path;
    const chunks = checkedStart(bounded(stream, maxFileBytes, part), "volume", part);
    await writeChunks(path, chunks, { durable });
  }
}

/** A part's name comes from the client: only harmless characters are shown. */
function printable(name: string): string {
  return name.replaceAll(/[^\w.-]/g, "?").slice(0, 64);
}

async function* bounded(
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

async function smallContent(stream: AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  const chunks = await Array.fromAsync(bounded(stream, MAX_OPTIONS_BYTES, "options"));
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
