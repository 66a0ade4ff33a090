/**
 * How jobs end, for the requests that wait for them. A runner of this process announces an ending at once, with its
 * error's cause; that of another process is read from the record.
 */
import type { Database } from "../../storage/mod.ts";
import type { Ending } from "../types.ts";
import { selectEnding } from "./rows.ts";

export interface Listener extends Disposable {
  /** Rejects with `not-found` when the record is gone. */
  readonly ended: Promise<Ending>;
}

/** On a shared server another process may run the job. */
const POLL_MS = 1000;

export class Endings {
  readonly #database: Database;
  readonly #listeners = new Map<string, (ending: Ending) => void>();

  constructor(database: Database) {
    this.#database = database;
  }

  announce(job: string, ending: Ending): void {
    this.#listeners.get(job)?.(ending);
  }

  /** Listens for a job that is about to be made. */
  listen(job: string): Listener {
    const { promise: ended, resolve, reject } = Promise.withResolvers<Ending>();
    ended.catch(() => {}); // the request may have failed before it awaits this
    this.#listeners.set(job, resolve);
    const look = () => selectEnding(this.#database, job).then((ending) => ending && resolve(ending)).catch(reject);
    const timer = this.#database.kind === "postgres" ? setInterval(look, POLL_MS) : undefined;
    return {
      ended,
      [Symbol.dispose]: () => {
        clearInterval(timer);
        this.#listeners.delete(job);
      },
    };
  }
}
