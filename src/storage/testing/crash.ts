/**
 * Ends a piece of work at its n-th operation on files or rows, as a kill of the process does: what has been done stays, a
 * transaction that was open is rolled back, and nothing runs afterwards, no clean-up either.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Database, Queryable } from "../database/database.ts";

/** Work that ends at operation `at`; counts its operations. */
class Life {
  operations = 0;
  isOver = false;
  readonly #end = Promise.withResolvers<void>();
  readonly ended: Promise<void> = this.#end.promise;
  /** Files that it has opened. */
  readonly files: Deno.FsFile[] = [];

  constructor(readonly at: number) {}

  /** Returns before each operation but the last, after which nothing returns. */
  async step(): Promise<void> {
    if (!this.isOver && ++this.operations < this.at) return;
    this.isOver = true;
    this.#end.resolve();
    await new Promise<never>(() => {});
  }

  /** Closes its files, as the system does for a process that is killed: locks on them end. */
  close(): void {
    for (const file of this.files) {
      try {
        file.close();
      } catch { /* the work closed it */ }
    }
  }
}

const lives = new AsyncLocalStorage<Life>();

/** Every operation on files that this program uses; those that only read cannot leave anything half done. */
const OPERATIONS = ["mkdir", "makeTempDir", "open", "rename", "remove", "copyFile", "chmod", "writeTextFile"] as const;
const OF_FILES = ["write", "sync", "truncate"] as const;

function watch<T extends object>(on: T, names: readonly (keyof T)[]): () => void {
  const undo = names.map((name) => {
    const former = on[name];
    if (typeof former !== "function") throw new TypeError(`Cannot watch ${String(name)}: it is no function`);
    const watched = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      const life = lives.getStore();
      await life?.step();
      const made = await Reflect.apply(former, this, args);
      if (made instanceof Deno.FsFile) life?.files.push(made);
      return made;
    };
    Object.defineProperty(on, name, { value: watched, configurable: true, writable: true });
    return () => Object.defineProperty(on, name, { value: former, configurable: true, writable: true });
  });
  return () => undo.forEach((back) => back());
}

class Killed extends Error {}

/** A database whose statements, commits and the moments after them are operations. */
export function mortal(database: Database): Database {
  const on = (target: Queryable): Queryable => ({
    async query(sql, params) {
      await lives.getStore()?.step();
      return await target.query(sql, params);
    },
    async script(sql) {
      await lives.getStore()?.step();
      return await target.script(sql);
    },
  });
  return {
    ...database,
    ...on(database),
    async transaction(fn) {
      const life = lives.getStore();
      const killed = life?.ended.then(() => {
        throw new Killed();
      });
      killed?.catch(() => {});
      try {
        const value = await database.transaction((tx) => {
          const work = fn(on(tx));
          return killed === undefined ? work : Promise.race([work, killed]);
        });
        await life?.step(); // committed, and nobody learns of it
        return value;
      } catch (error) {
        if (error instanceof Killed) await new Promise<never>(() => {});
        throw error;
      }
    },
  };
}

/** `deno task crashes` sets it. */
const EVERY = "SULCUS_EVERY_CRASH";
/** Else only each fourth operation is one: all together take a quarter of an hour. */
const STRIDE = 4;

/**
 * Runs `work` again and again, ended at its first operation, its second (or fifth), and so on to the end. After each `check`
 * looks at what is left, as the next start finds it.
 * @returns the number of operations
 */
export async function walkCrashes(
  { work, check, slowness = 1 }: {
    /** Times fewer operations are ended where each takes long. */
    readonly slowness?: number;
    readonly work: () => Promise<void>;
    readonly check: (at: number, isDone: boolean) => Promise<void>;
  },
): Promise<number> {
  const stop = [watch(Deno, OPERATIONS), watch(Deno.FsFile.prototype, OF_FILES)];
  try {
    const stride = Deno.env.get(EVERY) === "1" ? 1 : STRIDE * slowness;
    for (let at = 1;; at += stride) {
      const life = new Life(at);
      const done = lives.run(life, work).then(() => true);
      const isDone = await Promise.race([done, life.ended.then(() => false)]);
      await new Promise((resolve) => setTimeout(resolve)); // a rollback is on its way
      if (!isDone) life.close();
      await check(at, isDone);
      if (isDone) return life.operations;
    }
  } finally {
    for (const undo of stop) undo();
  }
}
