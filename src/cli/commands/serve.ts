/** `sulcus serve`: starts the server with checked settings, and stops it in order on Ctrl-C. */
import { NO_LOGIN } from "../../identity/mod.ts";
import { commitOf } from "../options/commit.ts";
import { type Args, type Command, wrong } from "../terminal/args.ts";
import {
  CHECK_FLAG,
  checkDataDirectory,
  DATA_FLAGS,
  JSON_FLAG,
  PACKAGE_FLAG,
  PROVIDER_FLAG,
  refuseUnsupported,
  RETENTION_FLAGS,
  retentionOf,
  settingsOf,
} from "../options/settings.ts";
import { LIMIT_FLAGS, limitsOf } from "../options/limits.ts";
import { PROTECTION_FLAGS, protectionOf } from "../options/protection.ts";
import { CommandError } from "../terminal/errors.ts";
import type { Io } from "../terminal/io.ts";

export const serveCommand: Command = {
  name: "serve",
  summary: "starts the server: a web page and an HTTP API",
  usage: ["serve [--host 127.0.0.1] [--port 8080] [--data ./data] [--models ./models] [--provider auto]"],
  flags: {
    host: { value: "ADDRESS", help: "Address to listen on. Default 127.0.0.1, which only this machine can reach" },
    port: { value: "N", help: "Port to listen on; 0: any free one. Default 8080" },
    ...DATA_FLAGS,
    ...PROVIDER_FLAG,
    ...CHECK_FLAG,
    ...PACKAGE_FLAG,
    ...RETENTION_FLAGS,
    ...LIMIT_FLAGS,
    ...PROTECTION_FLAGS,
    ...JSON_FLAG,
  },
  notes: `
Settings may also come from the environment; flags override it. Each flag with a value has a variable of its name, such
as SULCUS_MAX_READS for --max-reads. A variable that ends with _FILE names a file with the value, such as
DATABASE_URL_FILE for a secret.
Variables without a flag:
  DATABASE_URL               PostgreSQL instead of the embedded database
  SULCUS_OIDC_CLIENT_SECRET  secret of --oidc-client-id
  SULCUS_AUDIT_RECEIVER      host:port that gets the audit trail by syslog over TLS
  SULCUS_AUDIT_CA            the receiver's certificate authority, as PEM
  SULCUS_AUDIT_CERT          this server's certificate for the receiver, as PEM
  SULCUS_AUDIT_KEY           its key, as PEM
  SULCUS_PRECISION           precision of the device
  SULCUS_CUDA_PRECISION      precision of CUDA
\`GET /version\` names the commit of the clone that the server runs from, or SULCUS_COMMIT, which an image sets when it is
built (docker build --build-arg COMMIT=…).
The log goes to standard error as JSON lines.
Ctrl-C or SIGTERM stops the server in order: it finishes open requests, and trainings write a checkpoint. A second one
stops it at once. Trainings resume from their last checkpoint at the next start.`,
  run: runServe,
};

async function runServe(args: Args, io: Io): Promise<void> {
  const { startServer, whyUnprotected } = await import("../../server/mod.ts"); // the other commands start without it
  refuseUnsupported(io.env);
  const { data, models, auditReceiver, auditCa: ca, auditCert: cert, auditKey: key, ...settings } = settingsOf(
    args,
    io.env,
  );
  const protection = await protectionOf(args, io.env);
  const bounds = limitsOf(args, io.env);
  const why = whyUnprotected({ ...settings, insecure: false, login: NO_LOGIN, ...protection });
  if (why !== null) wrong(why);
  await checkDataDirectory(data);
  using interrupts = io.interrupts();
  const server = await startServer({
    ...settings,
    auditReceiver: auditReceiver && { ...auditReceiver, ca, cert, key },
    data,
    models,
    ...protection,
    ...bounds,
    retention: retentionOf(settings),
    commit: await commitOf(io.env),
    signal: interrupts.signal,
  }).catch((error) => {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new CommandError("port-in-use", `Cannot listen on port ${settings.port}: another program does`);
  });
  if (args.is("json")) io.out(JSON.stringify({ type: "ready", url: server.url }));
  else io.out(`Sulcus is ready: ${server.url}`);
  await server.finished;
}
