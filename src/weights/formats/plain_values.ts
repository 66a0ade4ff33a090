/** Plain data of a pickle as JSON holds it: the settings that trainers write beside their tensors. */
import { PickleDict, PickleList, PickleTuple, type PickleValue } from "./pickle_values.ts";

/** The JSON of a value. Entries that JSON has no form for, such as tensors, are left out of their dict, null in a list. */
export function plainJson(value: PickleValue): string {
  return JSON.stringify(plain(value) ?? null);
}

function plain(value: PickleValue): unknown {
  if (value instanceof PickleList || value instanceof PickleTuple) return value.items.map(plain);
  if (value instanceof PickleDict) {
    return Object.fromEntries([...value.entries].map(([key, item]) => [String(key), plain(item)]));
  }
  return value === null || ["boolean", "number", "string"].includes(typeof value) ? value : undefined;
}
