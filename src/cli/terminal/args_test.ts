import assert from "node:assert/strict";
import { type Args, type Command, parseCommand } from "./args.ts";
import { canonicalFlags } from "../options/images.ts";

const command: Command = {
  name: "try",
  summary: "",
  usage: [],
  flags: {
    out: { value: "FILE", help: "" },
    steps: { value: "N", help: "" },
    kind: { value: "K", help: "" },
    json: { help: "" },
  },
  words: 1,
  notes: "",
  run: () => Promise.resolve(),
};
const parse = (...argv: string[]) => parseCommand(command, argv);

Deno.test("parseCommand() reads values, switches and words, and keeps the order of flags", () => {
  const args = parse("--steps=3", "word", "--json", "--out", "a b");
  assert.deepEqual([args.text("out"), args.whole("steps", { least: 1, most: 9 }), args.is("json")], ["a b", 3, true]);
  assert.deepEqual([args.words, args.given], [["word"], ["steps", "json", "out"]]);
});

Deno.test("parseCommand() and Args refuse with the name of the flag", () => {
  const whole = (args: Args) => args.whole("steps", { least: 1, most: 9 });
  const cases: [() => unknown, string][] = [
    [() => parse("--outt", "x"), "Cannot run try: unknown flag --outt"],
    [() => parse("-o"), "Cannot run try: unknown flag -o"],
    [() => parse("--__proto__", "x"), "Cannot run try: unknown flag --__proto__"],
    [() => parse("--json=yes"), "Cannot use --json: it takes no value"],
    [() => parse("--out"), "Cannot use --out: expected a value (FILE), got none"],
    [() => parse("--out", "--json"), "Cannot use --out: expected a value (FILE), got none"],
    [() => parse("--out="), "Cannot use --out: expected a value (FILE), got none"],
    [
      () => parse("--out", "-5").whole("out", { least: 1, most: 9 }),
      'Cannot use --out: expected a whole number from 1 to 9, got "-5"',
    ],
    [() => parse("--out", "a", "--out", "b"), "Cannot run try: --out is given twice"],
    [() => parse("a", "b"), 'Cannot run try: expected at most 1 word, got "b"'],
    [() => parse().required("out"), "Cannot run: expected --out, got none"],
    [() => whole(parse("--steps", "10")), 'Cannot use --steps: expected a whole number from 1 to 9, got "10"'],
    [() => whole(parse("--steps", "1e0")), 'Cannot use --steps: expected a whole number from 1 to 9, got "1e0"'],
    [() => parse("--kind", "c").oneOf("kind", ["a", "b"]), 'Cannot use --kind: expected one of a, b, got "c"'],
  ];
  for (const [work, message] of cases) assert.throws(work, { name: "UsageError", message });
});

Deno.test("canonicalFlags() maps spellings of modalities and leaves the rest alone", () => {
  const argv = ["--T1CE", "a", "--t2f=b", "--out", "--t1n", "T1CE"];
  assert.deepEqual(canonicalFlags(argv), ["--t1c", "a", "--flair=b", "--out", "--t1", "T1CE"]);
});
