/** JSON schemas as TypeScript types, for people and for the compiler. */

/** How the parts of a type are written. */
export interface TypeStyle {
  /** A reference to a schema in `components.schemas`. */
  ref(name: string): string;
  /** Anything that comes from the schema: names of fields, values. */
  text(text: string): string;
  /** A field's description, behind its type. */
  note?(description: string): string;
  /** A type without parts, such as "integer"; `binary`: a file's bytes. */
  scalar(type: string, binary: boolean): string;
}

type Schema = Readonly<Record<string, unknown>>;

/** The type that `schema` describes, its fields indented by `depth` steps. */
export function typeText(schema: Schema, style: TypeStyle, depth = 0): string {
  const { $ref, oneOf, anyOf = oneOf, enum: values, type, properties, items, prefixItems, additionalProperties } =
    schema;
  const sub = (part: unknown) => typeText(part as Schema, style, depth);
  if (typeof $ref === "string") return style.ref($ref.split("/").pop()!);
  if (Array.isArray(anyOf)) return anyOf.map(sub).join(" | ");
  if (Array.isArray(values)) return values.map((v) => style.text(JSON.stringify(v))).join(" | ");
  if ("const" in schema) return style.text(JSON.stringify(schema.const));
  if (Array.isArray(prefixItems)) return `[${prefixItems.map(sub).join(", ")}]`;
  if (type === "array") return isUnion(items as Schema) ? `(${sub(items)})[]` : `${sub(items)}[]`;
  if (type === "object" && Object.keys(properties ?? {}).length > 0) return fieldsText(schema, style, depth);
  if (type === "object") {
    const value = typeof additionalProperties === "object" ? sub(additionalProperties) : style.scalar("any", false);
    return `{ [name: string]: ${value} }`;
  }
  const types = Array.isArray(type) ? type : [type ?? "any"];
  return types.map((name) => style.scalar(name, schema.format === "binary")).join(" | ");
}

function fieldsText({ properties, required }: Schema, style: TypeStyle, depth: number): string {
  const pad = "  ".repeat(depth + 1);
  const lines = Object.entries(properties as Record<string, Schema>).map(([name, part]) => {
    const mark = Array.isArray(required) && required.includes(name) ? "" : "?";
    const note = typeof part.description === "string" ? style.note?.(part.description) ?? "" : "";
    return `${pad}${style.text(name)}${mark}: ${typeText(part, style, depth + 1)}${note}`;
  });
  return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
}

function isUnion({ oneOf, anyOf = oneOf, enum: values, type }: Schema): boolean {
  return [anyOf, values, type].some((parts) => Array.isArray(parts) && parts.length > 1);
}
