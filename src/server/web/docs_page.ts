/** `/docs`: the OpenAPI document as a page to read, without scripts and outside resources. */
import { PROBLEM_CODES, statusOf, titleOf } from "../http/problems.ts";
import type { OpenApiDocument, Operation } from "../schemas/openapi.ts";
import { type TypeStyle, typeText } from "../schemas/type_text.ts";

const STYLE = `
:root{color-scheme:light dark;--line:light-dark(#d5dae1,#3a414b);--soft:light-dark(#f4f6f9,#1d2229);--dim:light-dark(#56606d,#9aa5b3);--accent:light-dark(#0b5cad,#7cb7ff)}
*{box-sizing:border-box}
body{font:15px/1.55 system-ui,sans-serif;margin:0;color:light-dark(#1a1f26,#e4e9f0);background:light-dark(#fff,#14181d)}
main{max-width:62rem;margin:0 auto;padding:1.5rem}
h1{margin:0 0 .25rem}h2{margin:2.5rem 0 .75rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
nav ul{columns:2;list-style:none;padding:0;margin:1rem 0}nav li{break-inside:avoid;padding:.1rem 0}
a{color:var(--accent)}
article{border:1px solid var(--line);border-radius:8px;padding:.9rem 1.1rem;margin:.9rem 0}
article h3{margin:0 0 .35rem;font:600 1rem/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
.method{display:inline-block;min-width:4.2rem;color:var(--accent)}
p{margin:.35rem 0}.dim{color:var(--dim)}.problems{font-size:13px}.problems a{color:inherit}
table{border-collapse:collapse;width:100%;margin:.4rem 0}th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-top:1px solid var(--line)}
th{font-weight:600}.replies td:first-child{width:4.2rem}code,pre{font:13px/1.5 ui-monospace,monospace}
pre{background:var(--soft);padding:.7rem .9rem;border-radius:6px;overflow:auto;margin:.4rem 0}
@media(max-width:40rem){nav ul{columns:1}}
`;

const PROBLEM_TYPE = "application/problem+json";

/** The page and the style that its policy has to allow. */
export function docsPage(document: OpenApiDocument): { html: string; style: string } {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
  );
  const tags = [...new Set(operations.flatMap((o) => o.operation.tags))];
  const sections = tags.map((tag) => {
    const articles = operations.filter((o) => o.operation.tags.includes(tag)).map(({ path, method, operation }) =>
      articleOf({ path, method, operation })
    );
    return `<section><h2>${escape(tag)}</h2>${articles.join("\n")}</section>`;
  });
  const links = operations.map(({ path, method, operation }) =>
    `<li><a href="#${operation.operationId}"><code>${method.toUpperCase()} ${escape(path)}</code></a></li>`
  );
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) =>
    `<article id="schema-${name}"><h3>${name}</h3><pre>${typeText(schema, HTML)}</pre></article>`
  );
  const problems = PROBLEM_CODES.map((code) =>
    `<tr id="problem-${code}"><td><code>${code}</code></td><td>${statusOf(code)}</td><td>${
      escape(titleOf(code))
    }</td></tr>`
  );
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Sulcus API</title><style>${STYLE}</style></head><body><main>
<h1>Sulcus API</h1>
<p>${escape(document.info.description)}</p>
<p class="dim">Version ${
    escape(document.info.version)
  } · <a href="/openapi.json">openapi.json</a> · <a href="/">overview</a></p>
<nav aria-label="Routes"><ul>${links.join("")}</ul></nav>
${sections.join("\n")}
<section><h2>Types</h2>${schemas.join("\n")}</section>
<section><h2>Problem codes</h2><table><tr><th>code</th><th>status</th><th>meaning</th></tr>${
    problems.join("")
  }</table></section>
</main></body></html>
`;
  return { html, style: STYLE };
}

function articleOf({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const rows = parameters.map((p) =>
    `<tr><td><code>${escape(p.name)}</code></td><td>${p.in}${p.required ? "" : ", optional"}</td>` +
    `<td><code>${typeText(p.schema, HTML)}</code>${p.description ? ` ${escape(p.description)}` : ""}</td></tr>`
  );
  const bodies = Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) =>
    `<p>Body <code>${escape(type)}</code></p><pre>${typeText(schema ?? {}, HTML)}</pre>`
  );
  const [good, bad] = [true, false].map((wanted) =>
    Object.entries(responses).filter(([, { content = {} }]) => !(PROBLEM_TYPE in content) === wanted)
  );
  const replies = good.map(([status, { description, content = {} }]) => {
    const types = Object.entries(content)
      .map(([type, { schema }]) => `<br><code>${escape(type)}</code> <code>${typeText(schema ?? {}, HTML)}</code>`);
    return `<tr><td>${status}</td><td>${escape(description)}${types.join("")}</td></tr>`;
  });
  const codes = bad.flatMap(([, { description }]) => description.split("; ").map((line) => line.split(":")[0]));
  const links = codes.map((code) => `<a href="#problem-${code}">${code}</a>`);
  return `<article id="${operationId}"><h3><span class="method">${method.toUpperCase()}</span>${escape(path)}</h3>
<p>${escape(summary)}.${description ? ` <span class="dim">${escape(description)}</span>` : ""}</p>
${rows.length > 0 ? `<table>${rows.join("")}</table>` : ""}${bodies.join("")}
<table class="replies">${replies.join("")}</table>
<p class="dim problems">Problems: ${links.join(", ")}</p></article>`;
}

/** Types as HTML, with links to the named ones. */
const HTML: TypeStyle = {
  ref: (name) => `<a href="#schema-${name}">${name}</a>`,
  text: escape,
  note: (description) => ` <span class="dim">${escape(description)}</span>`,
  scalar: (type, binary) => binary ? `${type} (binary)` : type,
};

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
