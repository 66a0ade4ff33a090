/** The part of a document that a program writes, between `<!-- NAME -->` and `<!-- end of NAME -->`, and tables. */

/**
 * `text` with `content` as the region `name`, a Markdown table for instance; `deno fmt` leaves it alone.
 * @throws {SyntaxError} the document has no such region
 */
export function replaceRegion(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const from = text.indexOf(begin), to = text.indexOf(end);
  if (from < 0 || to < from) {
    throw new SyntaxError(`Cannot write the region ${name}: expected ${begin} and later ${end}`);
  }
  const ignored = `<!-- deno-fmt-ignore-start -->\n\n${content}\n\n<!-- deno-fmt-ignore-end -->`;
  return `${text.slice(0, from)}${begin}\n\n${ignored}\n\n${text.slice(to)}`;
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
