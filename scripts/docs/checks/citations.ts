/** Citations of the method: the sections of `docs/method/`, and the citations of a text that lead to none. */

/** A section's numbered rows and items, by the section's number: `B.3` → its table's rows. */
export type Sections = ReadonlyMap<string, ReadonlySet<number>>;

/** The sections of the pages: headings that begin with a letter and numbers, and what is numbered below each. */
export function sectionsOf(pages: readonly string[]): Sections {
  const sections = new Map<string, Set<number>>();
  for (const page of pages) {
    let numbers = new Set<number>();
    for (const line of page.split("\n")) {
      const heading = /^#+ ([A-Z](?:\.\d+)*)\.? /.exec(line);
      if (heading !== null) sections.set(heading[1], numbers = new Set());
      const numbered = /^(?:\| (\d+) \||(\d+)\. )/.exec(line);
      if (numbered !== null) numbers.add(Number(numbered[1] ?? numbered[2]));
    }
  }
  return sections;
}

const SECTION = /[A-F](?:\.\d+)+/.source;
const ROWS = / (?:rows?|items?|steps?) (\d+(?:(?:, | and | to )\d+)*)/.source;
/** A section in a text, with its rows: `B.3 rows 10, 11`. A letter alone is a part only where it follows `docs/method`. */
const CITED = new RegExp(`(?<![\\w.])(?:docs/method ([A-F])\\b(?!\\.)|(${SECTION})(?:${ROWS})?)(?![\\w])`, "g");

/** The cited sections and rows that do not exist, in words, one line each. */
export function danglingCitations(text: string, sections: Sections): string[] {
  if (!text.includes("docs/method")) return [];
  // a citation may be broken over two lines of a comment
  const flat = text.replace(/\s*\n\s*(?:\*|\/\/|#)?\s*/g, " ");
  const dangling: string[] = [];
  for (const [, part, numbered, rows = ""] of flat.matchAll(CITED)) {
    const section = numbered ?? part;
    const known = sections.get(section);
    if (known === undefined) dangling.push(`no section ${section}`);
    for (const row of rows.match(/\d+/g) ?? []) {
      if (known !== undefined && !known.has(Number(row))) dangling.push(`no row ${row} in ${section}`);
    }
  }
  return dangling;
}
