/** The refusal of an import, in words for users. */

/** @throws {TypeError} always */
export function refuse(why: string): never {
  throw new TypeError(`Cannot import the weights: ${why}`);
}
