/** `sulcus serve`: starts the server with checked settings, and stops it in order on Ctrl-C. */
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
  settingsOf,
} from "../options/settings.ts";
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
    "allow-remote-without-login": {
      help:
        "Allow other addresses than this machine's. There are no logins: whoever reaches the server may do everything",
    },
    "allowed-hosts": { value: "A,B", help: "More host names under which browsers may reach the server" },
    ...JSON_FLAG,
  },
  notes: `
Settings may also come from the environment; flags override it: SULCUS_HOST, SULCUS_PORT, SULCUS_DATA, SULCUS_MODELS,
SULCUS_PROVIDER, SULCUS_MODALITY_CHECK, SULCUS_PACKAGE_REPORTS, SULCUS_ALLOWED_HOSTS, DATABASE_URL (PostgreSQL instead
of the embedded database). A variable that ends with _FILE names a file with the value, such as DATABASE_URL_FILE for a secret.
\`GET /version\` names the commit of the clone that the server runs from, or SULCUS_COMMIT, which an image sets when it is
built (docker build --build-arg COMMIT=…).
The log goes to standard error as JSON lines.
Ctrl-C or SIGTERM stops the server in order: it finishes open requests, and trainings write a checkpoint. A second one
stops it at once. Trainings resume from their last checkpoint at the next start.`,
  run: runServe,
};

async function runServe(args: Args, io: Io): Promise<void> {
  const { LOOPBACK_HOSTS, startServer } = await import("../../server/mod.ts"); // the other commands start without it
  refuseUnsupported(io.env);
  const { data, models, ...settings } = settingsOf(args, io.env);
  const allowRemoteWithoutLogin = args.is("allow-remote-without-login");
  if (!LOOPBACK_HOSTS.includes(settings.host) && !allowRemoteWithoutLogin) {
    wrong(
      `Cannot listen on ${settings.host}: the server has no logins, so everybody who reaches this address could do ` +
        "everything. Give --allow-remote-without-login too if you want that",
    );
  }
  await checkDataDirectory(data);
  using interrupts = io.interrupts();
  const server = await startServer({
    ...settings,
    data,
    models,
    allowRemoteWithoutLogin,
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
