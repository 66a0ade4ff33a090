// @ts-check
// Calls of the API of the server that the page came from.

/** @import { Operations } from "./api.d.ts" */

/**
 * @template {keyof Operations} K
 * @typedef {{
 *   params?: Operations[K]["params"],
 *   query?: Operations[K]["query"],
 *   body?: Operations[K]["body"],
 * }} Input
 */

/**
 * Calls an operation, such as "GET /v1/jobs/{id}". A Blob is sent unchanged, any other body as JSON.
 * @template {keyof Operations} K
 * @param {K} operation
 * @param {Input<K>} [input]
 * @returns {Promise<Operations[K]["reply"]>}
 * @throws {Error} with the problem's detail
 */
export async function call(operation, { params = {}, query = {}, body } = {}) {
  const [method, path] = operation.split(" ");
  const isFile = body instanceof Blob;
  const reply = await fetch(address(path, params, query), {
    method,
    headers: { accept: "application/json", ...(body && !isFile && { "content-type": "application/json" }) },
    body: isFile ? body : JSON.stringify(body),
  });
  const isJson = (reply.headers.get("content-type") ?? "").includes("json");
  const value = isJson ? await reply.json() : undefined;
  if (!reply.ok) {
    throw new Error(value?.detail ?? `The server answered ${reply.status}`);
  }
  return value;
}

/**
 * The address of an operation's path.
 * @param {string} path
 * @param {Record<string, unknown>} params
 * @param {Record<string, unknown>} [query]
 */
export function address(path, params, query = {}) {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(params[name])));
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return search.size > 0 ? `${filled}?${search}` : filled;
}

/**
 * Posts a form as a job and reports how much of it was sent, which `fetch` cannot.
 * @param {"POST /v1/models/{name}/segment" | "POST /v1/models/{name}/classify"} operation
 * @param {{ name: string, form: FormData, onProgress: (share: number) => void }} options
 * @returns {Promise<void>}
 */
export function upload(operation, { name, form, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const [method, path] = operation.split(" ");
    request.open(method, address(path, { name }));
    request.setRequestHeader("prefer", "respond-async");
    request.setRequestHeader("accept", "application/json");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.onload = () => {
      if (request.status < 300) resolve();
      else reject(new Error(request.response?.detail ?? "It was refused"));
    };
    request.onerror = () => reject(new Error("The server cannot be reached"));
    request.send(form);
  });
}
