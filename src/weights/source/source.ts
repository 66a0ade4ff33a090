/**
 * The files of an import: the one with the network, and those beside it that it or the user names. They come from a
 * folder of the command line, from the parts of a form, or from a zip archive. Nothing else is read.
 */
import { basename, dirname } from "node:path";
import { IMPORT_LIMITS } from "../../graph/mod.ts";
import { type ZipEntry, type ZipLimits, ZipReader } from "../../storage/mod.ts";
import { quoted } from "../../tensor/mod.ts";
import { refuse } from "../refuse.ts";
import { type Chosen, isNoise, networkAmong } from "./choice.ts";

/** The files as somebody gives them; plain data. */
export interface ImportSource {
  /** The file with the network, or an archive; absent: it is among `files`. */
  readonly path?: string;
  /** Further files by their own names. */
  readonly files?: Readonly<Record<string, string>>;
  /** True: files in the folder of `path` may be read, by the plain names that the network states. */
  readonly neighbours?: boolean;
}

/** The files of an import, ready to be read. */
export interface OpenedSource extends Disposable {
  /** The file with the network. */
  readonly path: string;
  /** Networks that were passed over, in words for the report. */
  readonly notes: readonly string[];
  /** Texts of the JSON files by name, without folders: descriptions of the network. */
  readonly texts: ReadonlyMap<string, string>;
  /**
   * The files with these plain names beside the network.
   * @throws {TypeError | RangeError} one is not there, leads out of the folder, or all are too large together
   */
  beside(names: readonly string[]): Promise<Map<string, Uint8Array<ArrayBuffer>>>;
}

/** A file that can be read: its size is known before. */
interface Readable {
  readonly bytes: number;
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** Bounds an archive: a network of protobuf's 2 GiB with its weights, and descriptions. */
const ARCHIVE_LIMITS: ZipLimits = { maxEntries: 10_000, maxTotalBytes: 8 * 2 ** 30, maxRatio: 100 };
/** Largest description; nnU-Net's longest has some hundred kilobytes. */
const MAX_TEXT_BYTES = 16 * 2 ** 20;

/**
 * Opens the files of an import. A network in an archive is unpacked into the folder `scratch`.
 * @throws {DomainError} `invalid-archive`, `too-large`
 * @throws {TypeError} there is not one network among the files; the message names those that there are
 */
export async function openSource(source: ImportSource, scratch: string): Promise<OpenedSource> {
  const files = new Map(Object.entries(source.files ?? {}));
  const chosen = source.path === undefined ? networkAmong([...files.keys()]) : null;
  const path = source.path ?? files.get(chosen!.name)!;
  const zip = await openArchive(path);
  if (zip !== null) return await sourceInArchive(zip, { files, scratch });
  return {
    path,
    notes: chosen === null ? [] : notesOn(chosen),
    texts: await textsOf(new Map([...files].map(([name, file]) => [name, onDisk(file)]))),
    beside: (names) =>
      readAll(names, async (name) => {
        const given = files.get(name);
        if (given !== undefined) return onDisk(given);
        return source.neighbours ? await neighbour(dirname(path), name) : null;
      }),
    [Symbol.dispose]() {},
  };
}

/** An archive that holds a network as a file of its own; null where `path` is none, or a format that is a zip itself. */
async function openArchive(path: string): Promise<ZipReader | null> {
  using file = await Deno.open(path);
  const head = new Uint8Array(4);
  await file.read(head);
  if (head[0] !== 0x50 || head[1] !== 0x4b) return null;
  const zip = await ZipReader.open(path, ARCHIVE_LIMITS);
  const names = zip.entries.map((e) => e.name);
  const isFormat = names.some((name) => name === "manifest.json" || basename(name) === "data.pkl");
  if (!isFormat && names.some((name) => /\.(onnx|pth?|ckpt|safetensors)$/i.test(name))) return zip;
  zip[Symbol.dispose]();
  return null;
}

async function sourceInArchive(
  zip: ZipReader,
  { files, scratch }: { readonly files: ReadonlyMap<string, string>; readonly scratch: string },
): Promise<OpenedSource> {
  try {
    const entries = new Map(zip.entries.filter((e) => !isNoise(e.name)).map((e) => [e.name, e]));
    const packed = (entry: ZipEntry): Readable => ({
      bytes: entry.bytes,
      read: () => zip.readBytes(entry, IMPORT_LIMITS.bytes),
    });
    const chosen = networkAmong([...entries.keys()]), { name } = chosen;
    const path = `${scratch}/network`;
    await Deno.writeFile(path, await zip.read(entries.get(name)!));
    const described = [...entries].toSorted(([a], [b]) => b.split("/").length - a.split("/").length); // the outermost last
    const texts = await textsOf(
      new Map([
        ...described.map(([name, entry]) => [basename(name), packed(entry)] as const),
        ...[...files].map(([name, file]) => [name, onDisk(file)] as const),
      ]),
    );
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    return {
      path,
      notes: notesOn(chosen),
      texts,
      beside: (names) =>
        readAll(names, (name) => {
          const entry = entries.get(folder + name);
          return Promise.resolve(entry === undefined ? null : packed(entry));
        }),
      [Symbol.dispose]: () => zip[Symbol.dispose](),
    };
  } catch (error) {
    zip[Symbol.dispose]();
    throw error;
  }
}

function notesOn({ name, others }: Chosen): string[] {
  if (others.length === 0) return [];
  const shown = (path: string) => quoted(path.split("/").slice(-3).join("/"));
  return [
    `of ${others.length + 1} checkpoints ${shown(name)} is imported, and no mean over them all is taken; ` +
    `passed over: ${others.slice(0, 4).map(shown).join(", ")}${others.length > 4 ? ", …" : ""}`,
  ];
}

const onDisk = (path: string): Readable => ({ bytes: Deno.statSync(path).size, read: () => Deno.readFile(path) });

/** A file of a folder. @throws {TypeError} it is a link that leads out of the folder, or no file */
async function neighbour(folder: string, name: string): Promise<Readable | null> {
  const path = `${folder}/${name}`;
  let real: string;
  try {
    real = await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  if (dirname(real) !== await Deno.realPath(folder)) refuse(`${quoted(name)} beside it is a link out of its folder`);
  if (!(await Deno.stat(real)).isFile) refuse(`expected ${quoted(name)} beside it to be a file`);
  return onDisk(real);
}

async function readAll(
  names: readonly string[],
  find: (name: string) => Promise<Readable | null>,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const found: [string, Readable][] = [];
  for (const name of names) {
    found.push([
      name,
      await find(name) ??
        refuse(
          `its weights lie in ${names.map(quoted).join(", ")}, expected ${quoted(name)} beside it, got none: give it ` +
            "too, or export with external_data=False",
        ),
    ]);
  }
  const total = found.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  if (total > IMPORT_LIMITS.bytes) {
    throw new RangeError(
      `Cannot import the weights: expected at most ${IMPORT_LIMITS.bytes} bytes beside the graph, got ${total}: ` +
        'export it with half as wide weights ("model.half()"), which are read as float32',
    );
  }
  const read = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, file] of found) read.set(name, await file.read());
  return read;
}

async function textsOf(files: ReadonlyMap<string, Readable>): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const [name, file] of files) {
    if (!name.toLowerCase().endsWith(".json") || file.bytes > MAX_TEXT_BYTES) continue;
    texts.set(name, new TextDecoder().decode(await file.read()));
  }
  return texts;
}
