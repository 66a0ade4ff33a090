/** A real browser without a window: Chromium, driven by its DevTools protocol over a WebSocket. */
import { once } from "node:events";
import { runs } from "../../src/process/testing/programs.ts";

const COMMAND = "chromium";
/** Nothing but what is tested may reach the network, and no profile may be left behind. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-extensions",
  "--remote-debugging-port=0",
];

/** Why tests with a browser cannot run here, or undefined. */
export const NO_BROWSER = await runs(COMMAND, "--version") ? undefined : "Chromium does not run";

// deno-lint-ignore no-explicit-any
type Json = any;

/** One page of the browser. */
export interface Tab {
  /** Addresses of everything that it asked for. */
  readonly requests: readonly string[];
  /** Errors in its console, exceptions, and what its Content Security Policy refused. */
  readonly complaints: readonly string[];
  goto(url: string): Promise<void>;
  evaluate(expression: string): Promise<Json>;
  /** Waits until an expression of the page holds, which is evaluated after every change of the document. */
  until(expression: string): Promise<void>;
  /** Chooses files in a file input. */
  choose(selector: string, paths: readonly string[]): Promise<void>;
  /** Writes a picture of the whole page, to be looked at while a test is written. */
  screenshot(path: string): Promise<void>;
}

/** Longest wait for anything the page does; a busy machine is slow. */
const PATIENCE_MS = 60_000;

/** Runs `fn` with a fresh browser that has one empty page. */
export async function withTab(fn: (tab: Tab) => Promise<void>): Promise<void> {
  const profile = await Deno.makeTempDir({ prefix: "sulcus-browser-" });
  const browser = new Deno.Command(COMMAND, {
    args: [...FLAGS, `--user-data-dir=${profile}`, "about:blank"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const stderr = browser.stderr.pipeThrough(new TextDecoderStream());
  try {
    const connection = await Connection.open(await addressIn(stderr));
    await fn(await connection.tab());
    connection.close();
  } finally {
    browser.kill("SIGKILL");
    await browser.status;
    await Deno.remove(profile, { recursive: true }).catch(() => {}); // its helpers may still write there
  }
}

/** The address that the browser writes when it is ready; the rest of what it writes is let go. */
async function addressIn(stderr: ReadableStream<string>): Promise<string> {
  let [text, address] = ["", ""];
  for await (const part of stderr.values({ preventCancel: true })) {
    text += part;
    address = /DevTools listening on (ws:\S+)\s/.exec(text)?.[1] ?? "";
    if (address !== "") break;
  }
  if (address === "") throw new Error(`Chromium did not start: ${text}`);
  void stderr.pipeTo(new WritableStream());
  return address;
}

class Connection {
  readonly #socket: WebSocket;
  readonly #replies = new Map<number, PromiseWithResolvers<Json>>();
  readonly #listeners: ((method: string, params: Json) => void)[] = [];
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
  }

  static async open(address: string): Promise<Connection> {
    const socket = new WebSocket(address);
    await once(socket, "open");
    return new Connection(socket);
  }

  #receive({ id, method, params, result, error }: Json): void {
    if (id === undefined) return this.#listeners.forEach((listener) => listener(method, params));
    const reply = this.#replies.get(id);
    this.#replies.delete(id);
    if (error) reply?.reject(new Error(`${error.message} ${error.data ?? ""}`));
    else reply?.resolve(result);
  }

  send(method: string, params: Json = {}, sessionId?: string): Promise<Json> {
    const id = ++this.#calls;
    const reply = Promise.withResolvers<Json>();
    this.#replies.set(id, reply);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return reply.promise;
  }

  async tab(): Promise<Tab> {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const send = (method: string, params: Json = {}) => this.send(method, params, sessionId);
    const requests: string[] = [];
    const complaints: string[] = [];
    const loaded: (() => void)[] = [];
    this.#listeners.push((method, params) => {
      if (method === "Network.requestWillBeSent") requests.push(params.request.url);
      if (method === "Page.loadEventFired") loaded.splice(0).forEach((resolve) => resolve());
      if (method === "Runtime.exceptionThrown") complaints.push(params.exceptionDetails.exception?.description);
      if (method === "Log.entryAdded" && params.entry.level === "error") {
        const { text, url, source } = params.entry;
        complaints.push(source === "network" ? `${text} ${url}` : text);
      }
      if (method === "Runtime.consoleAPICalled" && ["error", "assert"].includes(params.type)) {
        complaints.push(params.args.map((arg: Json) => arg.value ?? arg.description).join(" "));
      }
    });
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await send(`${domain}.enable`);
    const evaluate = async (expression: string) => {
      const { result, exceptionDetails } = await send("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
      return result.value;
    };
    return {
      requests,
      complaints,
      evaluate,
      async goto(url) {
        const { promise, resolve } = Promise.withResolvers<void>();
        loaded.push(resolve);
        await send("Page.navigate", { url });
        await promise;
      },
      until: (expression) =>
        evaluate(`new Promise((resolve, reject) => {
          const look = () => {
            if (!(${expression})) return false;
            observer.disconnect();
            clearTimeout(timer);
            resolve();
            return true;
          };
          const observer = new MutationObserver(look);
          const timer = setTimeout(() => reject(new Error("it never held; the page shows " + document.body.innerText)),
            ${PATIENCE_MS});
          const what = { subtree: true, childList: true, attributes: true, characterData: true };
          if (!look()) observer.observe(document, what);
        })`),
      async choose(selector, files) {
        const { result } = await send("Runtime.evaluate", { expression: `document.querySelector("${selector}")` });
        await send("DOM.setFileInputFiles", { objectId: result.objectId, files });
      },
      async screenshot(path) {
        const { data } = await send("Page.captureScreenshot", { captureBeyondViewport: true });
        await Deno.writeFile(path, Uint8Array.fromBase64(data));
      },
    };
  }

  close(): void {
    this.#socket.close();
  }
}
