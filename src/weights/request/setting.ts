/** Fields whose value is a setting of the manifest: its schema there is the check here. */
import { z } from "zod";
import type { Field } from "./field.ts";

export interface SettingField<T = unknown, K extends string = string> extends Field<z.ZodOptional<z.ZodType<T>>> {
  /** The setting of the manifest that it fills. */
  readonly sets: K;
}

interface Wording {
  readonly value: string;
  /** Completes "expected …". */
  readonly expected: string;
  readonly help: string;
  /** The manifest's value that a text means, unchecked. Default: the text itself. */
  readonly read?: (text: string) => unknown;
}

/** A field that fills the setting `sets`, whose values `schema` checks. */
export function setting<T, K extends string>(
  sets: K,
  schema: z.ZodType<T>,
  { value, expected, help, read = (text) => text.trim() }: Wording,
): SettingField<T, K> {
  const text = z.string().max(10_000).transform((given, context): T => {
    const { success, data } = checked(schema, () => read(given));
    if (success) return data;
    context.issues.push({ code: "custom", input: given, message: `expected ${expected}` });
    return z.NEVER;
  });
  return { sets, value, schema: text.optional().describe(help) };
}

function checked<T>(
  schema: z.ZodType<T>,
  read: () => unknown,
): { success: true; data: T } | { success: false; data?: undefined } {
  try {
    const result = schema.safeParse(read());
    return result.success ? { success: true, data: result.data } : { success: false };
  } catch (error) {
    if (error instanceof RangeError) return { success: false };
    throw error;
  }
}

/** One word for each of three axes, or one for all. */
export function triple(text: string): unknown {
  const parts = text.split(",").map((part) => numberOf(part));
  return parts.length === 1 ? [parts[0], parts[0], parts[0]] : parts;
}

/** A number, or NaN, which every schema refuses. */
export const numberOf = (text: string): number => text.trim() === "" ? NaN : Number(text);

export const yesOrNo = (text: string): unknown => text === "true" ? true : text === "false" ? false : text;
