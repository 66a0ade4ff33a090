/**
 * Every command of docs/operations.md that this repository can run is run here, in the order of the page. Of those that need
 * Docker or a cluster every file, variable and task that they name is there; `scripts/checks/prove_image.sh` builds the
 * image and runs it, `scripts/checks/manifests.sh` lets Docker Compose and the schemas of Kubernetes read their files.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import project from "../deno.json" with { type: "json" };

const page = readFileSync(new URL("../docs/operations.md", import.meta.url), "utf8");
const root = new URL("../", import.meta.url);

/** The lines of the blocks marked `sh`; those marked `console` need another machine and are not run. */
export function commandsOf(text: string, kind: "sh" | "console" = "sh"): string[] {
  const blocks = text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm);
  return [...blocks].filter(([, mark]) => mark === kind).flatMap(([, , block]) => block.trim().split("\n"));
}

Deno.test("commandsOf() finds the commands of the blocks that are run, and no others", () => {
  const text = "```sh\na b\nc\n```\n\n```console\nd\n```\n```sh\ne\n```\n";
  assert.deepEqual(commandsOf(text), ["a b", "c", "e"]);
  assert.deepEqual(commandsOf(text, "console"), ["d"]);
});

/** What a command that needs another machine names and is not there, in words. */
function missingIn(command: string): string[] {
  const dockerfile = readFileSync(new URL("Dockerfile", root), "utf8"), missing: string[] = [];
  const takes = (name: string) =>
    dockerfile.includes(`\nARG ${name}=`) ? [] : [`${name}: no argument of the Dockerfile`];
  const isThere = (path: string) => existsSync(new URL(path, root)) ? [] : [`${path}: no such file`];
  const [program, verb] = command.split(" ");
  const known = ["docker build", "docker compose", "kubectl apply"].includes(`${program} ${verb}`);
  if (!known) missing.push(`${program} ${verb}: not known to this test`);
  for (const [, name] of command.matchAll(/--build-arg (\w+)=/g)) missing.push(...takes(name));
  for (const [, path] of command.matchAll(/(?:--file|-k) (\S+)/g)) missing.push(...isThere(path));
  return missing;
}

Deno.test("every file, variable, script and task that docs/operations.md names is there", () => {
  const commands = commandsOf(page, "console");
  assert.ok(commands.length >= 5, `found ${commands}`);
  assert.deepEqual(commands.flatMap(missingIn), []);
  assert.deepEqual(missingIn("docker build --build-arg NONE=1 ."), ["NONE: no argument of the Dockerfile"]);
  assert.deepEqual(missingIn("kubectl apply -k deploy/none"), ["deploy/none: no such file"]);
  for (const [, task] of page.matchAll(/`?deno task ([\w:]+)/g)) assert.ok(task in project.tasks, `deno task ${task}`);
  for (const [, path] of page.matchAll(/`((?:scripts|deploy)\/[\w/.]+)`/g)) {
    assert.ok(existsSync(new URL(path, root)), path);
  }
});

Deno.test({
  name: "every command of docs/operations.md runs, on a data folder of its own",
  ignore: Deno.build.os === "windows",
  async fn() {
    const commands = commandsOf(page);
    assert.ok(commands.length >= 8, `found ${commands}`);
    const folder = await Deno.makeTempDir();
    try {
      // `deno task sulcus` stands for the program; the page's DATA and OUT are folders of this test
      const script = commands.map((line) =>
        line.replaceAll("DATA", `${folder}/data`).replaceAll("OUT", `${folder}/out`)
      );
      await Deno.mkdir(`${folder}/out`);
      for (const line of script) {
        const words = line.replace(/^deno /, `${Deno.execPath()} `);
        const run = new Deno.Command("sh", { args: ["-c", words], cwd: root, stdout: "piped", stderr: "piped" });
        const { success, stdout, stderr } = await run.output();
        assert.ok(success, `${line}\n${new TextDecoder().decode(stdout)}${new TextDecoder().decode(stderr)}`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
