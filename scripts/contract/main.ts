/**
 * Holds a service with fake tasks against its OpenAPI document, with requests that Schemathesis derives from it:
 * `deno task contract [--requests 10000] [--seed 1] [--python PY]`. Prints a JSON line; exit code 1 where a reply was
 * above 499 or not as the document says, or where there were fewer requests. Without `--python`, Schemathesis is installed
 * into a temporary environment.
 */
import { withProcess } from "../soak/service.ts";
import { flagsOf, numberOf } from "../flags.ts";

/** Its checks and its requests differ between versions. */
const PACKAGE = "schemathesis==4.32.5";

/**
 * Refusals of content that no schema can describe, such as bytes that are no volume; of nobody, where there is no login; and
 * of methods that no route has, which are 431 where the address is too long besides.
 */
const UNSUITABLE = ["positive_data_acceptance", "ignored_auth", "unsupported_method"];

const CONFIG = `
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 421, 422, 428, 429, 431, 503]
`;

/** A busy machine is slow: here only what is wrong counts. */
const REPLY_SECONDS = 300;

interface Report {
  readonly test_cases: { readonly generated: number; readonly errored: number };
  readonly failures: readonly { readonly title: string; readonly operations: readonly string[] }[];
  readonly errors: readonly unknown[];
}

const { values } = flagsOf({
  options: {
    requests: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    python: { type: "string" },
  },
});
const requests = numberOf("--requests", values.requests, { from: 1 }), seed = numberOf("--seed", values.seed);

const folder = await Deno.makeTempDir();
try {
  const python = values.python ?? await environment(`${folder}/venv`);
  const found = { generated: 0, failures: [] as unknown[], errors: [] as unknown[] };
  await withProcess(async ({ url }) => {
    // how many requests an example takes is known afterwards only
    for (let run = 0; found.generated < requests; run++) {
      const report = await attack(python, url, { seed: seed + run, examples: 50 });
      found.generated += report.test_cases.generated;
      found.failures.push(...report.failures);
      found.errors.push(...report.errors);
      if (report.test_cases.generated === 0) break;
    }
    return {};
  }, { fake: true });
  console.log(JSON.stringify({ schemathesis: PACKAGE, seed, requests: found.generated, ...found }));
  const isGood = found.failures.length === 0 && found.errors.length === 0 && found.generated >= requests;
  Deno.exitCode = isGood ? 0 : 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function environment(path: string): Promise<string> {
  await run("python3", ["-m", "venv", path]);
  await run(`${path}/bin/python`, ["-m", "pip", "install", "--quiet", PACKAGE]);
  return `${path}/bin/python`;
}

async function attack(
  python: string,
  url: string,
  { seed, examples }: { readonly seed: number; readonly examples: number },
): Promise<Report> {
  const config = `${folder}/schemathesis.toml`, path = `${folder}/report.json`;
  await Deno.writeTextFile(config, CONFIG);
  const flags = ["--seed", seed, "--max-examples", examples, "--request-timeout", REPLY_SECONDS, "--no-shrink"];
  const phases = ["--phases", "coverage,fuzzing", "--continue-on-failure"];
  const checks = ["--checks", "all", "--exclude-checks", UNSUITABLE.join()];
  const report = ["--report", "json", "--report-json-path", path];
  const words = ["-m", "schemathesis.cli", "--config-file", config, "run", `${url}/openapi.json`];
  await run(python, [...words, ...flags.map(String), ...phases, ...checks, ...report], [0, 1]);
  return JSON.parse(await Deno.readTextFile(path));
}

/** What it prints goes to standard error. @throws where it ends otherwise */
async function run(program: string, args: readonly string[], codes: readonly number[] = [0]): Promise<void> {
  const { code, stdout } = await new Deno.Command(program, { args: [...args], stderr: "inherit" }).output();
  console.error(new TextDecoder().decode(stdout));
  if (!codes.includes(code)) throw new Error(`Cannot run ${program}: it ended with ${code}`);
}
