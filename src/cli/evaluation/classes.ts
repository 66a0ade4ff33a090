/** Accuracy, AUC and macro F1 of a table of predicted classes; its columns are defined in `evaluate.ts`. */
import { accuracy, auc, macroF1 } from "../../metrics/mod.ts";
import { parseCsv } from "../../storage/mod.ts";

export interface ClassScores {
  readonly cases: number;
  readonly classes: readonly string[];
  readonly accuracy: number;
  /** null without probabilities, or where only one class occurs. */
  readonly auc: number | null;
  readonly macroF1: number;
}

const NAMED = ["case", "actual", "predicted"];

/** @throws {SyntaxError | RangeError} the table is not as defined, naming row or column kind */
export function scoreClasses(text: string): ClassScores {
  const rows = parseCsv(text);
  if (rows.length === 0) {
    throw new RangeError("Cannot score classes: expected at least one row below the header, got none");
  }
  const columns = Object.keys(rows[0]);
  if (!columns.includes("actual")) throw new SyntaxError("Cannot score classes: the column actual is missing");
  const probable = columns.filter((name) => !NAMED.includes(name));
  const hasPredicted = columns.includes("predicted");
  if (!hasPredicted && probable.length < 2) {
    throw new SyntaxError(
      "Cannot score classes: expected a column predicted, or a column of probabilities for each class",
    );
  }
  const classes = probable.length > 0
    ? probable
    : [...new Set(rows.flatMap(({ actual, predicted }) => [actual, predicted]))].sort();
  const indexOf = (name: string, row: number, column: string) => {
    const index = classes.indexOf(name);
    if (name === "" || index < 0) {
      throw new RangeError(
        `Cannot score classes: expected ${column} in row ${row + 1} to be a class of the header, got another`,
      );
    }
    return index;
  };
  const scores = rows.map((row, i) => probable.map((name) => probabilityOf(row[name], i)));
  const actual = rows.map((row, i) => indexOf(row.actual, i, "actual"));
  const predicted = rows.map((row, i) =>
    hasPredicted ? indexOf(row.predicted, i, "predicted") : scores[i].indexOf(Math.max(...scores[i]))
  );
  const area = probable.length > 0 ? auc(scores, actual) : NaN;
  return {
    cases: rows.length,
    classes,
    accuracy: accuracy(predicted, actual),
    auc: Number.isNaN(area) ? null : area,
    macroF1: macroF1(predicted, actual, classes.length),
  };
}

function probabilityOf(text: string, row: number): number {
  const value = text === "" ? NaN : Number(text);
  if (!(value >= 0 && value <= 1)) {
    throw new RangeError(
      `Cannot score classes: expected probabilities from 0 to 1 in row ${row + 1}, got another value`,
    );
  }
  return value;
}
