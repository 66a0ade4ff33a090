/** A service with fake tasks and models: `deno run -A scripts/soak/_fake_service.ts DATA`. Prints its address as JSON. */
import { addModels } from "../../src/jobs/testing/jobs.ts";
import { Registry } from "../../src/registry/mod.ts";
import { startServer } from "../../src/server/mod.ts";
import { FAKE_TASKS } from "../../src/server/testing/server.ts";
import { openDatabase } from "../../src/storage/mod.ts";

const [data] = Deno.args;
const database = await openDatabase({ dataDirectory: data });
await addModels(await Registry.open({ database, dataDirectory: data }));
await database.close();
const server = await startServer({ data, port: 0, provider: "cpu", tasksModule: FAKE_TASKS, log: () => {} });
Deno.addSignalListener("SIGTERM", () => void server.close());
console.log(JSON.stringify({ url: server.url }));
await server.finished;
Deno.exit(0);
