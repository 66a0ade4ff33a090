// @ts-check
// Elements. Texts become text nodes, never HTML: names of models and data sets come from users.

/** @import { Warning } from "./api.d.ts" */

/** @typedef {Record<string, string | number | boolean | ((event: Event) => void)>} Props */
/** @typedef {Node | string | null | undefined | false} Child Those that are no node and no text are left out. */

/** @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new TypeError(`Cannot find the element ${id}`);
  return element;
}

/**
 * A form by its id, and its fields by their names.
 * @param {string} id
 */
export function formById(id) {
  const form = /** @type {HTMLFormElement} */ (byId(id));
  return {
    form,
    /** @param {string} name */
    select: (name) => /** @type {HTMLSelectElement} */ (form.elements.namedItem(name)),
    /** @param {string} name */
    input: (name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name)),
  };
}

/**
 * An element with properties and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props] a function is a listener, for `onclick` of "click"
 * @param {...Child} children
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value);
    } else if (name in element && name !== "list") {
      Reflect.set(element, name, value);
    } else element.setAttribute(name, String(value));
  }
  element.append(...children.filter(isShown));
  return element;
}

/**
 * The same for SVG, where everything is an attribute.
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * @param {Child} child
 * @returns {child is Node | string}
 */
export function isShown(child) {
  return child !== null && child !== undefined && child !== false;
}

/** @type {Record<string, "good" | "bad" | "busy">} */
const BADGES = {
  ready: "good",
  served: "good",
  succeeded: "good",
  ok: "good",
  failed: "bad",
  warning: "busy",
  error: "bad",
  "not-ready": "bad",
  running: "busy",
  queued: "busy",
  candidate: "busy",
  pending: "busy",
};

/** @param {string} word */
export const badge = (word) => h("span", { className: `badge ${BADGES[word] ?? ""}` }, word);

/** Of trainings whose result should not be used as it is. */
const SEVERE = ["worse-than-base", "no-better-than-nothing"];

/**
 * Above the result, so that nobody reads that first; the service gives the gravest first.
 * @param {Warning[]} warnings
 */
export function warningsOf(warnings) {
  return warnings.map(({ code, detail }) => {
    const isSevere = SEVERE.includes(code);
    return h(
      "div",
      { title: code, className: isSevere ? "error" : "" },
      badge(isSevere ? "error" : "warning"),
      ` ${detail}`,
    );
  });
}

/** @typedef {{ title: string, number?: boolean }} Column */

/** @param {string} title */
export const column = (title) => ({ title });
/** @param {string} title */
export const numbers = (title) => ({ title, number: true });

/**
 * @param {Column[]} columns
 * @param {(Node | string | number)[][]} rows
 */
export function table(columns, rows) {
  /**
   * @param {"th" | "td"} kind
   * @param {(Node | string | number)[]} row
   */
  const cells = (kind, row) =>
    row.map((cell, i) =>
      h(
        kind,
        { className: columns[i].number ? "number" : "", "data-title": columns[i].title },
        cell instanceof Node ? cell : String(cell),
      )
    );
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...cells("th", columns.map(({ title }) => title)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...cells("td", row)))),
  );
}

/** @type {Map<string, string>} */
const drawn = new Map();

/**
 * Replaces an element's content, unless `value` is what it was drawn from last: what the user has just pressed or
 * selected stays.
 * @param {string} id
 * @param {unknown} value
 * @param {() => Node | Node[]} draw
 */
export function redraw(id, value, draw) {
  const key = JSON.stringify(value);
  if (drawn.get(id) === key) return;
  drawn.set(id, key);
  const content = draw();
  byId(id).replaceChildren(...(Array.isArray(content) ? content : [content]));
}

/**
 * Offers `options`, and keeps the one that is selected.
 * @param {HTMLSelectElement} select
 * @param {{ value: string, label: string }[]} options
 * @param {string} empty shown where there are none
 */
export function fillSelect(select, options, empty) {
  const key = JSON.stringify(options);
  if (select.dataset.key === key) return;
  const chosen = select.value;
  select.dataset.key = key;
  select.replaceChildren(...options.map(({ value, label }) => h("option", { value }, label)));
  if (options.length === 0) select.append(h("option", { value: "" }, empty));
  if (options.some((o) => o.value === chosen)) select.value = chosen;
  select.disabled = options.length === 0;
  select.dispatchEvent(new Event("change"));
}
