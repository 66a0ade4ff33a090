/** The rows of docs/inputs.md and docs/security.md: each names the test that shows what it says, by file and name. */

/** A row whose test is not there, in words; `files`: path from the root → text. */
export function untestedRows(text: string, files: ReadonlyMap<string, string>): string[] {
  return rowsOf(text).flatMap(([input, , test = ""]) => {
    const named = [...test.matchAll(/`([^`]+)`: “([^”]+)”/g)];
    if (named.length === 0) return [`${input}: names no test`];
    return named.flatMap(([, path, name]) => {
      const found = [...files].filter(([file]) => file === path || file.endsWith(`/${path}`));
      if (found.length === 0) return [`${input}: no file ${path}`];
      return found.some(([, content]) => content.includes(name)) ? [] : [`${input}: no test “${name}” in ${path}`];
    });
  });
}

/** The cells of every row of the tables with a column of tests. */
export function rowsOf(text: string): string[][] {
  const rows: string[][] = [];
  let inTable = false;
  for (const line of text.split("\n")) {
    const cells = line.startsWith("|") ? line.split("|").slice(1, -1).map((cell) => cell.trim()) : null;
    if (cells === null) inTable = false;
    else if (cells.at(-1) === "test") inTable = true;
    else if (inTable && !/^-+$/.test(cells[0])) rows.push(cells);
  }
  return rows;
}
