/**
 * Where jobs keep files, and when these go: `jobs/<id>/` is a job's own folder, `results/<id>.nii.gz` a mask that is kept.
 */
import { exists, isUuid, removeIfPresent } from "../../storage/mod.ts";
import { WRITTEN_ENDING } from "../../volume/mod.ts";
import type { JobPaths } from "../kinds/kind.ts";
import type { ImageList } from "../types.ts";

/** When files are over, in ms since 1970: masks, and folders of failed or cancelled trainings with their checkpoints. */
export interface FileEnds {
  readonly result: (job: string) => number;
  readonly work: (job: string) => number;
}

/** Age of images that a crash left without an open job. Younger ones may belong to a job that is just being made. */
const STRAY_IMAGES_MS = 3600 * 1000;

export class JobFiles {
  readonly #jobs: string;
  readonly #results: string;

  private constructor(dataDirectory: string) {
    this.#jobs = `${dataDirectory}/jobs`;
    this.#results = `${dataDirectory}/results`;
  }

  static async open(dataDirectory: string): Promise<JobFiles> {
    const files = new JobFiles(dataDirectory);
    await Deno.mkdir(files.#jobs, { recursive: true });
    await Deno.mkdir(files.#results, { recursive: true });
    return files;
  }

  /** Paths of a job. The mask of a `transient` one lies in its folder and goes with that. */
  of(job: string, transient = false): JobPaths {
    const folder = this.#folder(job);
    const mask = transient ? `${folder}/mask` : `${this.#results}/${job}`;
    return { work: `${folder}/work`, output: `${folder}/output`, mask: `${mask}${WRITTEN_ENDING}` };
  }

  /** Lock file of the process that works on a job. */
  lock(job: string): string {
    return `${this.#folder(job)}/lock`;
  }

  async makeFolder(job: string): Promise<void> {
    const { work, output } = this.of(job);
    for (const folder of [work, output]) await Deno.mkdir(folder, { recursive: true });
  }

  /** Moves images into a job's folder, under names of our own. */
  async takeImages(job: string, images: ImageList): Promise<ImageList> {
    const folder = `${this.#folder(job)}/input`;
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const taken: [ImageList[number][0], string][] = [];
    for (const [modality, path] of images) {
      await moveFile(path, `${folder}/${modality}`);
      taken.push([modality, `${folder}/${modality}`]);
    }
    return taken;
  }

  async removeFolder(job: string): Promise<void> {
    await removeIfPresent(this.#folder(job));
  }

  /** The jobs that have a mask or a folder. */
  async list(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const folder of [this.#jobs, this.#results]) {
      for await (const { name } of Deno.readDir(folder)) {
        const id = name.slice(0, 36);
        if (isUuid(id)) found.add(id);
      }
    }
    return found;
  }

  /** Removes masks and folders whose time is over; those of `open` jobs stay. */
  async sweep(open: ReadonlySet<string>, ends: FileEnds, now = Date.now()): Promise<void> {
    for await (const { name } of Deno.readDir(this.#results)) {
      await removeIfOlder(`${this.#results}/${name}`, ends.result(name.slice(0, 36)));
    }
    for await (const { name } of Deno.readDir(this.#jobs)) {
      if (!isUuid(name) || open.has(name)) continue;
      const hasImages = await exists(`${this.#jobs}/${name}/input`);
      await removeIfOlder(this.#folder(name), hasImages ? now - STRAY_IMAGES_MS : ends.work(name));
    }
  }

  #folder(job: string): string {
    return `${this.#jobs}/${job}`;
  }
}

async function removeIfOlder(path: string, time: number): Promise<void> {
  const { mtime } = await Deno.stat(path);
  if ((mtime?.getTime() ?? 0) < time) await removeIfPresent(path);
}

/** Moves a file, also between file systems. */
async function moveFile(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EXDEV") || !await exists(from)) throw error;
    await Deno.copyFile(from, to);
    await Deno.remove(from);
  }
}
