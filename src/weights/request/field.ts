/** A field of an import's request: one record gives its query parameter, its flag, its help and its check. */
import { z } from "zod";

/** A field before it has a name; the flag is its name in kebab-case. */
export interface Field<S extends z.ZodType = z.ZodType> {
  /** Stands for the value in the help of the flag. */
  readonly value: string;
  /** Reads the text of the flag or the parameter; its description is the help. */
  readonly schema: S;
}

/** The schemas of fields by name, as zod writes an object. */
export const schemasOf = <F extends Readonly<Record<string, Field>>>(fields: F): { [K in keyof F]: F[K]["schema"] } =>
  Object.fromEntries(Object.entries(fields).map(([name, { schema }]) => [name, schema])) as {
    [K in keyof F]: F[K]["schema"];
  };

/** The flag of a field: `paintOrder` is `paint-order`. */
export const flagOf = (field: string): string => field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A text that `parse` turns into a value; the message of an error that it throws is the fault of the text. */
export function parsed<T>(parse: (text: string) => T) {
  return z.string().max(10_000).transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.issues.push({ code: "custom", input: text, message: (error as Error).message });
      return z.NEVER;
    }
  });
}

/** The parts of a list with commas between. */
export const partsOf = (text: string): string[] => text.split(",").map((part) => part.trim());
