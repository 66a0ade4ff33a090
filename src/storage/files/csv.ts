/** Comma-separated values (RFC 4180): small tables with a header, whole in memory. */

/**
 * Reads a table. Values may also be separated by tabs, or by semicolons where the header has no comma: so spreadsheets
 * write them.
 * @throws {SyntaxError} a row of another width than the header, a quote that is not closed, a NUL character
 */
export function parseCsv(text: string): Record<string, string>[] {
  if (text.includes("\0")) throw new SyntaxError("Cannot read the table: it holds a NUL character");
  const [header, ...rows] = rowsOf(text.replace(/^\uFEFF/, ""));
  if (header === undefined) throw new SyntaxError("Cannot read the table: expected a header line, got an empty file");
  if (new Set(header).size < header.length) throw new SyntaxError("Cannot read the table: a column is there twice");
  return rows.map((row, i) => {
    if (row.length !== header.length) {
      throw new SyntaxError(
        `Cannot read the table: expected ${header.length} values in row ${i + 1} below the header, got ${row.length}`,
      );
    }
    return Object.fromEntries(header.map((name, c) => [name, row[c].trim()]));
  });
}

function rowsOf(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const header = text.split(/[\r\n]/, 1)[0];
  const mark = header.includes("\t") ? "\t" : header.includes(";") && !header.includes(",") ? ";" : ",";
  // A value, plain or quoted, and what ends it.
  const pattern = new RegExp(`(?:"((?:[^"]|"")*)"[ ]*|([^"${mark}\\r\\n]*))(${mark}|\\r\\n|\\n|\\r|$)`, "gy");
  while (pattern.lastIndex < text.length || row.length > 0) {
    const match = pattern.exec(text);
    if (!match) throw new SyntaxError(`Cannot read the table: a quote in row ${rows.length + 1} is out of place`);
    row.push(match[1]?.replaceAll('""', '"') ?? match[2]);
    if (match[3] === mark) continue;
    if (row.length > 1 || row[0].trim() !== "") rows.push(row); // empty lines are passed over
    row = [];
    if (match[3] === "") break;
  }
  return rows.map((values, i) => i === 0 ? values.map((v) => v.trim()) : values);
}

/** One line, without its end; numbers that are not finite are empty, but infinity is `inf`. */
export function csvLine(values: readonly (string | number)[]): string {
  return values.map((value) => {
    if (typeof value === "number") return Number.isNaN(value) ? "" : value === Infinity ? "inf" : String(value);
    return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  }).join(",");
}
