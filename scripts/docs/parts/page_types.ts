/**
 * Text of `src/server/web/page/api.d.ts`, the types against which the web page is checked, from the OpenAPI document.
 */
import { ROUTES } from "../../../src/server/routes/routes.ts";
import { openApiDocument, type Operation } from "../../../src/server/schemas/openapi.ts";
import { type TypeStyle, typeText } from "../../../src/server/schemas/type_text.ts";

const SCALARS: Readonly<Record<string, string>> = { integer: "number", any: "unknown" };
const TYPESCRIPT: TypeStyle = {
  ref: (name) => name,
  text: (text) => text,
  scalar: (type, binary) => binary ? "Blob" : SCALARS[type] ?? type,
};

export function pageTypes(): string {
  const { paths, components } = openApiDocument(ROUTES);
  const schemas = Object.entries(components.schemas).map(([name, schema]) =>
    `export type ${name} = ${typeText(schema, TYPESCRIPT)};`
  );
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      `  "${method.toUpperCase()} ${path}": ${operationType(operation)};`
    )
  );
  return `// Made by deno task docs from the OpenAPI document; a test fails when this file is out of date.

${schemas.join("\n")}

/** Every call of the API: what goes into its address and its body, and the JSON that it replies. */
export interface Operations {
${operations.join("\n")}
}
`;
}

function operationType({ parameters = [], requestBody, responses }: Operation): string {
  const fields = (place: string) =>
    parameters.filter((p) => p.in === place).map(({ name, required, schema }) =>
      `${name}${required ? "" : "?"}: ${typeText(schema, TYPESCRIPT)}`
    );
  const objectOf = (parts: readonly string[]) =>
    parts.length === 0 ? "Record<string, never>" : `{ ${parts.join("; ")} }`;
  const bodies = Object.values(requestBody?.content ?? {}).map(({ schema = {} }) => typeText(schema, TYPESCRIPT, 1));
  const replies = Object.entries(responses).filter(([status]) => status < "400").flatMap(([, { content = {} }]) =>
    Object.entries(content).filter(([type]) => type === "application/json")
      .map(([, { schema = {} }]) => typeText(schema, TYPESCRIPT, 1))
  );
  return `{
    params: ${objectOf(fields("path"))};
    query: ${objectOf(fields("query"))};
    body: ${bodies.join(" | ") || "undefined"};
    reply: ${[...new Set(replies)].join(" | ") || "undefined"};
  }`;
}
