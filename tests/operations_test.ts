/** Every command of docs/operations.md that this repository can run is run here, in the order of the page. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const page = readFileSync(new URL("../docs/operations.md", import.meta.url), "utf8");
const root = new URL("../", import.meta.url);

/** The lines of the blocks marked `sh`; those marked `console` need another machine and are not run. */
export function commandsOf(text: string): string[] {
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block]) => block.trim().split("\n"));
}

Deno.test("commandsOf() finds the commands of the blocks that are run, and no others", () => {
  const text = "```sh\na b\nc\n```\n\n```console\nd\n```\n```sh\ne\n```\n";
  assert.deepEqual(commandsOf(text), ["a b", "c", "e"]);
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
