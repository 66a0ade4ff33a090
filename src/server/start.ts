/**
 * Starts a server: listens at once, then opens the data directory; stops in the opposite order. It writes to the log
 * only, and knows neither flags nor the environment.
 */
import { AuditForwarder, AuditTrail, type Receiver, SYSTEM, witnessOf } from "../audit/mod.ts";
import { Devices } from "../engine/mod.ts";
import { budgetVariables, checkNetwork, DEFAULT_BUDGET, type WorkBudget } from "../inference/mod.ts";
import { Datasets } from "../datasets/mod.ts";
import { type JobBounds, Jobs } from "../jobs/mod.ts";
import {
  Access,
  DEFAULT_POLICY,
  DEFAULT_QUOTAS,
  Logins,
  type LoginSettings,
  NO_LOGIN,
  Projects,
  QuotaBook,
  type Quotas,
} from "../identity/mod.ts";
import { answerDumps, type Database, keepPrivate, openDatabase } from "../storage/mod.ts";
import { Readers, type ReadersOptions } from "../process/mod.ts";
import { Registry } from "../registry/mod.ts";
import { createApp, methodsOf } from "./app.ts";
import { mostFiles, whyTooFewFiles } from "./http/listen/open_connections.ts";
import { Listener } from "./http/listen/listener.ts";
import { DeviceMemories } from "./observe/device_memory.ts";
import { DeviceState } from "./observe/devices.ts";
import { deadline, Health } from "./observe/health.ts";
import { type Logger, logToStderr, traceOf } from "./observe/log.ts";
import { LoopMonitor } from "./observe/loop.ts";
import { ServerMetrics } from "./observe/metrics.ts";
import { Admission } from "./http/admission.ts";
import type { Services } from "./http/services.ts";
import { addressRanges } from "./http/address.ts";
import { DEFAULT_LIMITS, type Limits, type ServerSettings, whyUnprotected } from "./settings.ts";
import { ROUTES } from "./routes/routes.ts";
import { Spool } from "./http/spool.ts";
import { createStartingApp } from "./starting.ts";
import { startSweeps } from "./sweeps.ts";

export interface ServerOptions {
  /** Address to listen on. Default 127.0.0.1. */
  readonly host?: string;
  /** Default 8080; 0: any free one. */
  readonly port?: number;
  /** Directory for everything that changes. */
  readonly data: string;
  /** Directory of the packages that came with the program. */
  readonly models?: string;
  /** Default "auto". */
  readonly provider?: ServerSettings["provider"];
  /** `postgres://…`; absent: embedded in the data directory. */
  readonly databaseUrl?: string;
  /** Name of the model that checks modalities, see {@link ServerSettings}. Default none. */
  readonly modalityCheck?: string | null;
  /** Allows addresses that others can reach without login, or without names under which it answers. */
  readonly insecure?: boolean;
  /** Default: no logins. */
  readonly login?: LoginSettings;
  readonly identityQuotas?: Partial<Quotas>;
  /** Where browsers reach the server, see {@link ServerSettings}. */
  readonly publicUrl?: string;
  readonly tls?: ServerSettings["tls"];
  /** Addresses and ranges of proxies whose X-Forwarded-For counts. */
  readonly trustedProxies?: readonly string[];
  /** Names under which browsers may reach the server, besides the loopback ones and `host`. */
  readonly allowedHosts?: readonly string[];
  /** Where the audit trail is sent. Default nowhere. */
  readonly auditReceiver?: Receiver;
  readonly limits?: Partial<Limits>;
  /** The most work of a case or an update. */
  readonly work?: Partial<WorkBudget>;
  /** Reads of strangers' files. */
  readonly readers?: ReadersOptions;
  /** How many requests and jobs may wait. */
  readonly queue?: Partial<JobBounds>;
  /** Default `pseudonyms`. */
  readonly packagedReports?: ServerSettings["packagedReports"];
  readonly retention?: Partial<ServerSettings["retention"]>;
  /** How long open requests may take when the server stops. Default 10. */
  readonly stopSeconds?: number;
  /** The commit that the program was made of, for `GET /version`. */
  readonly commit?: string;
  /** Stops the server. */
  readonly signal?: AbortSignal;
  /** Default: JSON lines on stderr. */
  readonly log?: Logger;
  /** Module with the workers' task functions; tests pass a fake. */
  readonly tasksModule?: string;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Settles when the server has stopped. */
  readonly finished: Promise<void>;
  /** Stops: refuses new requests, ends event streams, finishes open requests; trainings write their checkpoints. */
  close(): Promise<void>;
}

/**
 * Starts a server. While it opens its data, the port answers `/health/live` with 200 and everything else with 503.
 * @returns once everything is open; devices are probed in the background, see `/health/ready`
 * @throws {RangeError} an address that others can reach, without login and names, unless `insecure`; the system lets this
 * process open too few files
 * @throws {DomainError} `locked`, `database-unavailable`, `database-too-new`
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const settings = settingsOf(options);
  const why = whyTooFewFiles(mostFiles());
  if (why !== null) throw new RangeError(why);
  const log = options.log ?? logToStderr;
  const stopping = new AbortController();
  const metrics = new ServerMetrics();
  let app = createStartingApp(log);
  const listener = new Listener({
    ...settings,
    handler: (request, client) => app.fetch(request, client),
    methodsOf: (path) => methodsOf(path, ROUTES),
    log,
    onRefused: (why) => metrics.refusedConnections.add({ why }),
  });
  let opened: Opened;
  try {
    opened = await open(settings, { ...options, log, metrics, stopping: stopping.signal });
  } catch (error) {
    listener.abort();
    await listener.close();
    throw error;
  }
  app = createApp(opened.services);
  const finished = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  const close = () =>
    closing ??= (async () => {
      stopping.abort();
      await deadline(listener.close(), settings.stopSeconds * 1000).catch(async () => {
        listener.abort();
        await deadline(listener.close(), ABORTED_MS);
      }).catch(() => {}); // what still runs cannot reply to anybody
      await opened.close();
    })();
  const stop = () => close().then(finished.resolve, finished.reject);
  finished.promise.catch(() => {}); // whoever waits for it gets the error
  options.signal?.addEventListener("abort", () => void stop(), { once: true });
  if (options.signal?.aborted) await stop();
  const { hostname, port } = listener.address;
  const name = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `${settings.tls ? "https" : "http"}://${name}:${port}`,
    finished: finished.promise,
    close: () => stop().then(() => finished.promise),
  };
}

/** After this time a segmentation is stopped, or after a fifth more than its windows may be predicted to take. */
const LEAST_INFERENCE_MS = 1_800_000;

/** How long requests have to end after their connections were closed. */
const ABORTED_MS = 5000;

function settingsOf(options: ServerOptions): ServerSettings {
  const { host = "127.0.0.1", port = 8080, insecure = false, login = NO_LOGIN, allowedHosts = [], publicUrl, tls } =
    options;
  const why = whyUnprotected({ host, insecure, login, allowedHosts, publicUrl });
  if (why !== null) throw new RangeError(why);
  return {
    host,
    port,
    dataDirectory: options.data,
    modelsDirectory: options.models,
    provider: options.provider ?? "auto",
    databaseUrl: options.databaseUrl,
    modalityCheck: options.modalityCheck ?? null,
    allowedHosts,
    login,
    identityQuotas: { ...DEFAULT_QUOTAS, ...options.identityQuotas },
    publicUrl,
    secure: tls !== undefined || publicUrl?.startsWith("https:") === true,
    tls,
    trustedProxies: addressRanges(options.trustedProxies ?? []),
    insecure,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    packagedReports: options.packagedReports ?? "pseudonyms",
    retention: { ...DEFAULT_POLICY, ...options.retention },
    stopSeconds: options.stopSeconds ?? 10,
  };
}

interface Opened {
  readonly services: Services;
  close(): Promise<void>;
}

interface OpenOptions
  extends Pick<ServerOptions, "commit" | "tasksModule" | "auditReceiver" | "work" | "readers" | "queue"> {
  readonly log: Logger;
  readonly metrics: ServerMetrics;
  readonly stopping: AbortSignal;
}

/** Opens everything in order, and closes it in the opposite order, also when a later part fails. */
async function open(
  settings: ServerSettings,
  { commit, tasksModule, auditReceiver: to, work, readers: reading, queue, log, metrics, stopping }: OpenOptions,
): Promise<Opened> {
  const { dataDirectory, provider, limits, retention } = settings;
  await using stack = new AsyncDisposableStack();
  stack.use(keepPrivate());
  const machine = new Devices();
  const devices = new DeviceState(() => machine.probe());
  stack.use(new LoopMonitor({ onDelay: (seconds) => metrics.loopDelay.observe(seconds) }));
  const database = await openDatabase({ dataDirectory, url: settings.databaseUrl });
  stack.defer(() => database.close());
  stack.use(
    answerDumps(database, dataDirectory, {
      onFailed: (error) => log({ level: "error", event: "dump-failed", ...traceOf(error) }),
      witness: witnessOf({ who: SYSTEM, action: "backup", object: { kind: "service", id: "sulcus" } }),
    }),
  );
  const audit = new AuditTrail(database);
  const note = (action: "service.start" | "service.stop") =>
    audit.record({ who: SYSTEM, action, object: { kind: "service", id: "sulcus" }, outcome: "success" });
  await note("service.start");
  const auditReceiver = to && sendTrail({ audit, database, to, log });
  stack.defer(() => auditReceiver?.close());
  stack.defer(() =>
    note("service.stop").catch((error) => log({ level: "error", event: "audit-failed", ...traceOf(error) }))
  );
  const spool = await Spool.open(dataDirectory, { alone: database.kind === "pglite" });
  stack.defer(() => spool.close());
  const budget = { ...DEFAULT_BUDGET, ...work };
  const readers = new Readers({ ...reading, env: budgetVariables(budget) });
  const projects = new Projects(database, retention);
  const registry = await Registry.open({
    database,
    projects,
    dataDirectory,
    shippedDirectory: settings.modelsDirectory,
    checkNetwork: (directory, spec) => checkNetwork(directory, spec, readers),
    packagedReports: settings.packagedReports,
    readers,
  });
  if (settings.packagedReports === "full") log({ level: "warn", event: "packages-show-cases" });
  const datasets = await Datasets.open({
    database,
    dataDirectory,
    projects,
    maxFileBytes: limits.fileBytes,
    readers,
    budget,
  });
  const jobs = await Jobs.open({
    database,
    registry,
    datasets,
    dataDirectory,
    provider,
    modalityCheck: settings.modalityCheck,
    onCheckFailed: (failure) => log({ level: "error", event: "modality-check-failed", ...failure }),
    projects,
    readers,
    budget,
    bounds: queue,
    inferenceTimeoutMs: Math.max(LEAST_INFERENCE_MS, 1.2 * 1000 * budget.seconds),
    tasksModule,
  });
  stack.defer(() => jobs.stop());
  const logins = new Logins(database, settings.login), quotas = new QuotaBook(database, settings.identityQuotas);
  const swept = { datasets, registry, spool, audit, auditReceiver, projects, quotas, logins, dataDirectory };
  stack.use(startSweeps(swept, log));
  const services: Services = {
    settings,
    database,
    audit,
    auditReceiver,
    registry,
    datasets,
    jobs,
    logins,
    access: new Access(database, projects),
    projects,
    quotas,
    devices,
    deviceMemory: new DeviceMemories(),
    spool,
    admission: new Admission(limits),
    readers,
    health: healthOf({ database, spool, devices, registry, provider, stopping }),
    metrics,
    log,
    stopping,
    commit: commit ?? "unknown",
  };
  const owned = stack.move();
  return { services, close: () => owned.disposeAsync() };
}

function sendTrail({ audit, database, to, log }: {
  readonly audit: AuditTrail;
  readonly database: Database;
  readonly to: Receiver;
  readonly log: Logger;
}): AuditForwarder {
  const onAway = (error: unknown) => log({ level: "error", event: "audit-receiver-away", ...traceOf(error) });
  return new AuditForwarder({ trail: audit, database, receiver: to, source: Deno.hostname(), onAway });
}

interface Checked extends Pick<ServerSettings, "provider"> {
  readonly database: Database;
  readonly spool: Spool;
  readonly devices: DeviceState;
  readonly registry: Registry;
  readonly stopping: AbortSignal;
}

function healthOf({ database, spool, devices, registry, provider, stopping }: Checked): Health {
  return new Health({
    database: () => database.query("SELECT 1").then(() => "ok"),
    storage: () => spool.check().then(() => "ok"),
    device: () => {
      const ready = devices.ready(provider);
      if (ready === false) return Promise.reject(new Error("No device is ready"));
      return Promise.resolve(ready ? "ok" : "pending");
    },
    models: () => registry.list().then(() => "ok"),
  }, stopping);
}
