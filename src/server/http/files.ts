/**
 * Bodies of one file or of several that belong together: raw bytes, or a multipart form whose parts keep their file
 * names. For networks and their descriptions; volumes of patients come by `form.ts`, which reads no file name.
 */
import { bodyChunks, bodyLimits, checkedStart, type FileKind } from "./body.ts";
import { bounded, readMultipart } from "./multipart.ts";
import { Problem } from "./problems.ts";
import { type SpoolFolder, writeChunks } from "./spool.ts";
import type { Services } from "./services.ts";
import type { Limits } from "../settings.ts";

/** Spool files: of a raw body, or by the file names of the parts. */
export type ReceivedFiles = { readonly path: string } | { readonly files: Readonly<Record<string, string>> };

export interface FilesOptions {
  readonly folder: SpoolFolder;
  readonly services: Pick<Services, "settings">;
  readonly received: (bytes: number) => void;
  readonly kind: FileKind;
  /** Bounds the whole body. */
  readonly limit: keyof Limits;
}

const MAX_PARTS = 64;
/** Longest file name of common file systems. */
const MAX_NAME = 255;

/**
 * Receives a body into the folder.
 * @throws {Problem} `invalid-multipart`, `invalid-request` naming the part, `unsupported-media-type`, `too-large`
 */
export async function receiveFiles(
  request: Request,
  { folder, services: { settings }, received, kind, limit }: FilesOptions,
): Promise<ReceivedFiles> {
  const maxBytes = settings.limits[limit];
  const body = bodyLimits(settings.limits, maxBytes, received);
  const isForm = request.headers.get("content-type")?.toLowerCase().startsWith("multipart/form-data") ?? false;
  if (!isForm) {
    const path = folder.path("file");
    await writeChunks(path, checkedStart(bodyChunks(request, body), kind, "the body"), { durable: false });
    return { path };
  }
  const files = new Map<string, string>();
  await readMultipart(request, {
    body,
    maxParts: MAX_PARTS,
    async take({ name, fileName = name, stream }) {
      const part = `part ${files.size + 1}`;
      const refuse = (why: string) => {
        throw new Problem("invalid-request", `Cannot read the form: ${part} ${why}`, { path: part });
      };
      if (!isPlain(fileName)) refuse("has no plain file name");
      if (files.has(fileName)) refuse("has the file name of another part");
      const path = folder.path(`part-${files.size + 1}`);
      files.set(fileName, path);
      await writeChunks(path, bounded(stream, maxBytes, part), { durable: false });
    },
  });
  if (files.size === 0) throw new Problem("invalid-request", "Cannot read the form: expected files, got none");
  return { files: Object.fromEntries(files) };
}

/** True for a name without folders and control characters. */
function isPlain(name: string): boolean {
  // deno-lint-ignore no-control-regex -- names with control characters are refused
  return /^[^/\\:\x00-\x1f\x7f]+$/.test(name) && !/^\.+$/.test(name) && name.length <= MAX_NAME;
}
