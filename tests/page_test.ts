/** The web page in a real browser, against a server whose trainings and segmentations are fakes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readyDataset, tinyNifti } from "../src/datasets/testing/cases.ts";
import { Datasets } from "../src/datasets/mod.ts";
import { addModels } from "../src/jobs/testing/jobs.ts";
import { Registry } from "../src/registry/mod.ts";
import { draftOf, makeSource } from "../src/registry/testing/packages.ts";
import { startServer } from "../src/server/mod.ts";
import { image } from "../src/server/testing/fake_tasks.ts";
import { FAKE_TASKS } from "../src/server/testing/server.ts";
import { openDatabase } from "../src/storage/mod.ts";
import { NO_BROWSER, type Tab, withTab } from "./testing/browser.ts";
import { inFolder } from "./testing/volumes.ts";

/** A page of a server that has models, one of them worse than its base, a data set and a training that has ended. */
async function withPage(fn: (tab: Tab, place: { folder: string; url: string }) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const data = join(folder, "data");
    const database = await openDatabase({ dataDirectory: data });
    const registry = await Registry.open({ database, dataDirectory: data });
    await addModels(registry);
    const warnings = [{ code: "worse-than-base", detail: "The fine-tune is worse than its base" }];
    const { provenance } = draftOf(), source = await makeSource();
    await registry.addCandidate(draftOf({ name: "worse", provenance: { ...provenance, warnings } }), source);
    await Deno.remove(source, { recursive: true });
    const datasets = await Datasets.open({ database, dataDirectory: data, maxFileBytes: 1e6 });
    const dataset = await readyDataset(datasets);
    await database.close();
    const server = await startServer({ data, port: 0, provider: "cpu", tasksModule: FAKE_TASKS, log: () => {} });
    try {
      const wish = { dataset, base: { model: "base" }, name: "mine", recipe: { steps: 3, seed: 1 } };
      const headers = { "content-type": "application/json" };
      const reply = await fetch(`${server.url}/v1/finetunes`, { method: "POST", headers, body: JSON.stringify(wish) });
      const { id } = await reply.json();
      await (await fetch(`${server.url}/v1/jobs/${id}/events`)).text(); // ends with the job
      await withTab((tab) => fn(tab, { folder, url: server.url }));
    } finally {
      await server.close();
    }
  });
}

const shows = (id: string, text: string) =>
  `document.getElementById("${id}").innerText.includes(${JSON.stringify(text)})`;

Deno.test({
  name: `the page lists models, data sets and jobs, and segments a file${NO_BROWSER ? `, skipped: ${NO_BROWSER}` : ""}`,
  ignore: NO_BROWSER !== undefined,
  fn: () =>
    withPage(async (tab, { folder, url }) => {
      const [{ id }] = (await (await fetch(`${url}/v1/datasets`)).json()).datasets;
      const body = await tinyNifti({ values: [0, 1] });
      await (await fetch(`${url}/v1/datasets/${id}/cases/bad/label`, { method: "PUT", body })).body?.cancel();
      await tab.goto(url);
      await tab.until(shows("model-list", "tumour"));
      await tab.until(shows("model-list", "mine"));
      await tab.until(shows("model-list", "error The fine-tune is worse than its base"));
      const worse = `[...document.querySelectorAll("#model-list .error")].at(-1)`;
      const colourOf = (of: string) => tab.evaluate(`getComputedStyle(${of}).color`);
      assert.notEqual(await colourOf(worse), await colourOf("document.body"), "in red");
      await tab.evaluate(`document.querySelector('[aria-label="Approve worse, version 1"]').click()`);
      await tab.until(shows("decision-text", "The fine-tune is worse than its base"));
      await tab.evaluate(`document.querySelector('#decision-form [value="no"]').click()`);
      await tab.until(shows("dataset-list", "segmentation"));
      await tab.until(shows("job-list", "Fine-tune"));
      await tab.until(shows("service-facts", "ONNX Runtime"));
      await tab.evaluate(`document.querySelector("#dataset-list details").open = true`);
      await tab.until(shows("dataset-list", "t1 and flair are the same image"));
      await tab.until(shows("dataset-list", "Patients: 2, 2 by the case's name"));
      await tab.until(shows("dataset-list", "bad: t1 is missing"));
      await tab.evaluate(`document.querySelector('#dataset-list [aria-label="Leave out bad"]').click()`);
      await tab.until(shows("dataset-list", "bad is left out: "));
      await tab.until(shows("dataset-list", "Patients: 1, 1 by the case's name"));
      await tab.evaluate(`document.querySelector('#dataset-list [aria-label="Take again bad"]').click()`);
      await tab.until(shows("dataset-list", "bad: t1 is missing"));

      await tab.until(`document.querySelector("#run-images input")`); // of the model that is selected first
      await tab.evaluate(`{
        document.getElementById("run-images").replaceChildren();
        const select = document.querySelector("#run-form [name=model]");
        select.value = "tumour";
        select.dispatchEvent(new Event("change"));
      }`);
      await tab.until(`document.querySelector("#run-images [name=flair]")`);
      const volume = join(folder, "t1.nii");
      await Deno.writeFile(volume, image({ warn: true }));
      await tab.choose("#run-images [name=t1]", [volume]);
      await tab.evaluate(`document.querySelector("#run-form .primary").click()`);
      await tab.until(shows("job-list", "lesion"));
      for (
        const text of [
          "Segmentation",
          "Quality score: 0.50 of 1.",
          "Ran on fake.",
          "t2 is missing – the template stood in",
        ]
      ) {
        await tab.until(shows("job-list", text));
      }
      const mask = await tab.evaluate(`document.querySelector("#job-list a[download]").href`);
      assert.equal(await (await fetch(mask)).text(), "labels of t1, missing: error");

      // a server that is not ready, or too busy to tell in time, says so with 503, which the page shows and browsers log
      const notReady = new RegExp(`status of 503 .* ${url}/health/ready$`);
      assert.deepEqual(tab.complaints.filter((complaint) => !notReady.test(complaint)), []);
      assert.deepEqual(tab.requests.filter((request) => !request.startsWith(`${url}/`) && !/^data:/.test(request)), []);
      assert.ok(tab.requests.includes(`${url}/page/main.js`), "the page's script was not loaded");
      const out = Deno.env.get("SCREENSHOT");
      if (out) await tab.screenshot(out);

      // This browser reports what the policy refuses, and scripts cannot write HTML.
      await tab.evaluate(`new Promise((resolve) => {
        const image = new Image();
        image.addEventListener("error", resolve);
        image.src = "http://127.0.0.1:1/elsewhere.png";
      })`);
      assert.match(tab.complaints.join("\n"), /violates the following Content Security Policy directive: "img-src/);
      await assert.rejects(tab.evaluate(`document.body.innerHTML = "<b>x</b>"`), /requires 'TrustedHTML'/);
    }),
});
