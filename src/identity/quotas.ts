/** How much one identity may ask for: requests in a minute, open jobs, bytes and device time in a day. */
import { type Database, DomainError } from "../storage/mod.ts";
import { BoundedMap } from "./bounded.ts";
import { type Identity, ownerOf } from "./types.ts";

/** Bounds for each identity; 0: none. */
export interface Quotas {
  readonly requestsPerMinute: number;
  /** Jobs that wait or run at one time. */
  readonly openJobs: number;
  readonly gigabytesPerDay: number;
  readonly deviceMinutesPerDay: number;
}

export const DEFAULT_QUOTAS: Quotas = {
  requestsPerMinute: 1200,
  openJobs: 20,
  gigabytesPerDay: 0,
  deviceMinutesPerDay: 0,
};

/** A refusal that ends by itself. */
export class QuotaError extends DomainError {
  constructor(code: "too-many-requests" | "quota-used-up", message: string, readonly retrySeconds: number) {
    super(code, message);
  }
}

export function tooManyJobs(most: number): QuotaError {
  return new QuotaError(
    "quota-used-up",
    `Cannot take the job: ${most} of yours wait or run, which is the most; wait for one to end`,
    10,
  );
}

/** Counts events of each key: a bucket that holds as many as a minute may have, and fills evenly. */
export class RateLimit {
  readonly #buckets = new BoundedMap<string, { tokens: number; at: number }>(10_000);
  constructor(readonly perMinute: number, readonly now: () => number = () => performance.now()) {}

  /** Takes one; returns 0, or after how many seconds there is one again. */
  take(key: string): number {
    if (this.perMinute === 0) return 0;
    const [now, perMs] = [this.now(), this.perMinute / 60_000];
    const { tokens, at } = this.#buckets.get(key) ?? { tokens: this.perMinute, at: now };
    const left = Math.min(this.perMinute, tokens + (now - at) * perMs);
    this.#buckets.set(key, { tokens: left >= 1 ? left - 1 : left, at: now });
    return left >= 1 ? 0 : Math.ceil((1 - left) / perMs / 1000);
  }
}

/** What one identity used today, in UTC. */
interface Usage {
  readonly bytes: number;
  readonly deviceSeconds: number;
  readonly secondsLeft: number;
  readonly openJobs: number;
}

/** How a job enters the queue. */
interface JobPlace {
  readonly owner: string | null;
  /** For the audit trail. */
  readonly askedBy: Pick<Identity, "id" | "name" | "via">;
  readonly mostOpen?: number;
  /** The only project of whoever asks; null: they have none, or several. */
  readonly project: string | null;
}

export class QuotaBook {
  readonly #database: Pick<Database, "query" | "purge">;
  readonly #quotas: Quotas;
  readonly #requests: RateLimit;
  /** Bytes of requests that have not ended. */
  readonly #coming = new Map<string, number>();

  constructor(database: Pick<Database, "query" | "purge">, quotas: Quotas) {
    this.#database = database;
    this.#quotas = quotas;
    this.#requests = new RateLimit(quotas.requestsPerMinute);
  }

  /** Counts a request. @throws {QuotaError} `too-many-requests` */
  request(identity: Identity): void {
    const owner = ownerOf(identity);
    const wait = owner === null ? 0 : this.#requests.take(owner);
    if (wait === 0) return;
    throw new QuotaError(
      "too-many-requests",
      `Cannot take the request: at most ${this.#quotas.requestsPerMinute} a minute are taken from one user`,
      wait,
    );
  }

  /**
   * Whose a new job is, and how many of theirs may be open: the queue counts them itself. Asked before anything is read.
   * @throws {QuotaError} `quota-used-up` as many jobs are open, or as much device time was used, as may be
   */
  async job(identity: Identity): Promise<JobPlace> {
    const owner = ownerOf(identity);
    const { id, name, via, projects } = identity;
    const project = projects.length === 1 ? projects[0] : null;
    const whose = { owner, askedBy: { id, name, via }, project };
    const { openJobs, deviceMinutesPerDay } = this.#quotas;
    if (owner === null || (openJobs === 0 && deviceMinutesPerDay === 0)) return whose;
    const used = await this.#usage(owner);
    if (openJobs > 0 && used.openJobs >= openJobs) throw tooManyJobs(openJobs);
    if (deviceMinutesPerDay > 0 && used.deviceSeconds >= deviceMinutesPerDay * 60) {
      throw new QuotaError(
        "quota-used-up",
        `Cannot take the job: your jobs used ${Math.round(used.deviceSeconds / 60)} minutes of the device today, and ` +
          `${deviceMinutesPerDay} may be used; try again tomorrow (UTC)`,
        used.secondsLeft,
      );
    }
    return { ...whose, ...(openJobs > 0 && { mostOpen: openJobs }) };
  }

  /**
   * Counts the bytes of one request's body as they come. Dispose of it when the request has ended.
   * @throws {QuotaError} `quota-used-up`, here or from `add`
   */
  async upload(identity: Identity, hasBody: boolean): Promise<{ add(bytes: number): void } & AsyncDisposable> {
    const owner = ownerOf(identity);
    const most = this.#quotas.gigabytesPerDay * 1e9;
    if (!hasBody || owner === null || most === 0) return { add() {}, [Symbol.asyncDispose]: () => Promise.resolve() };
    const used = await this.#usage(owner);
    let own = 0;
    const add = (bytes: number) => {
      own += bytes;
      this.#coming.set(owner, (this.#coming.get(owner) ?? 0) + bytes);
      if (used.bytes + this.#coming.get(owner)! <= most) return;
      throw new QuotaError(
        "quota-used-up",
        `Cannot take the upload: ${this.#quotas.gigabytesPerDay} GB a day are taken from one user, and they are used up; ` +
          "try again tomorrow (UTC)",
        used.secondsLeft,
      );
    };
    const end = async () => {
      const left = (this.#coming.get(owner) ?? 0) - own;
      if (left > 0) this.#coming.set(owner, left);
      else this.#coming.delete(owner);
      await this.#database.query(
        `INSERT INTO sulcus.usage (owner, day, bytes) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2)
         ON CONFLICT (owner, day) DO UPDATE SET bytes = usage.bytes + excluded.bytes`,
        [owner, own],
      );
    };
    try {
      add(0);
    } catch (error) {
      await end();
      throw error;
    }
    return { add, [Symbol.asyncDispose]: end };
  }

  /** Removes what was used on days that no quota counts any more; who used the service is told by the audit trail alone. */
  async sweep(): Promise<void> {
    const { rows } = await this.#database.query(
      "DELETE FROM sulcus.usage WHERE day < (now() AT TIME ZONE 'UTC')::date RETURNING 1",
    );
    if (rows.length > 0) await this.#database.purge(["sulcus.usage"]);
  }

  async #usage(owner: string): Promise<Usage> {
    const { rows } = await this.#database.query<Record<keyof Usage, string | number>>(
      `SELECT coalesce(sum(bytes), 0)::text AS bytes, coalesce(sum(device_seconds), 0) AS "deviceSeconds",
         ceil(extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day' - (now() AT TIME ZONE 'UTC')))::integer
           AS "secondsLeft",
         (SELECT count(*) FROM sulcus.jobs WHERE owner = $1 AND state IN ('queued', 'running'))::integer AS "openJobs"
       FROM sulcus.usage WHERE owner = $1 AND day = (now() AT TIME ZONE 'UTC')::date`,
      [owner],
    );
    const { bytes, deviceSeconds, secondsLeft, openJobs } = rows[0];
    return {
      bytes: Number(bytes),
      deviceSeconds: Number(deviceSeconds),
      secondsLeft: Number(secondsLeft),
      openJobs: Number(openJobs),
    };
  }
}
