/**
 * Multipart forms with one volume per modality; each part is written to a spool file. The names of the client's files
 * are never read, because they may be those of patients.
 */
import type { z } from "zod";
import { type BodyLimits, checkedStart } from "./body.ts";
import { bounded, type FormPart, readMultipart } from "./multipart.ts";
import { Problem } from "./problems.ts";
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
  /** The names of parts, for messages. */
  readonly parts: readonly Part[];
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
  { folder, options, body, maxFileBytes, durable, parts, partOf }: FormOptions<T, Part>,
): Promise<VolumeForm<T, Part>> {
  const images: Partial<Record<Part, string>> = {};
  const names = new Set<string>();
  let count = 0;
  let optionsValue: unknown = {};
  const take = async ({ name, stream }: FormPart) => {
    count++;
    const part = partOf(name);
    const what = part ?? (name === "options" ? "options" : null);
    if (what === null) {
      throw new Problem(
        "invalid-request",
        `Cannot read the form: expected parts named ${parts.join(", ")} or options`,
        {
          path: `part ${count}`,
        },
      );
    }
    if (names.has(what)) {
      throw new Problem("invalid-request", `Cannot read the form: it has two parts for ${what}`, { path: what });
    }
    names.add(what);
    if (part === null) {
      optionsValue = parseJson(await smallContent(stream), "options");
      return;
    }
    const path = folder.path(part);
    images[part] = path;
    await writeChunks(path, checkedStart(bounded(stream, maxFileBytes, part), "volume", part), { durable });
  };
  await readMultipart(request, { body, maxParts: MAX_PARTS, take });
  return { images, options: parseWith(options, optionsValue, "options") };
}

async function smallContent(stream: AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  const chunks = await Array.fromAsync(bounded(stream, MAX_OPTIONS_BYTES, "options"));
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
