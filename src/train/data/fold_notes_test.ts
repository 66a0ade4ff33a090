import assert from "node:assert/strict";
import { foldNotes } from "./fold_notes.ts";
import { makeFolds } from "./folds.ts";

type Task = "segmentation" | "classification";

/** Notes on cases written as `patient:traits`, such as `7:ab`, with one letter a name. */
function notesOf(
  text: string,
  { task, names, folds = "auto" }: { task: Task; names: string; folds?: "auto" | "none" | number },
) {
  const cases = text.split(" ").map((word) => word.split(":"));
  const patients = cases.map(([patient]) => patient), traits = cases.map(([, shown]) => new Set(shown));
  const validation = typeof folds === "number" ? { folds } : folds;
  const made = makeFolds(patients.map((patient) => ({ patient })), { validation, seed: 0, traits });
  return foldNotes({ folds: made, traits, patients, names: [...names], task });
}

Deno.test("foldNotes() has nothing to say where every fold has everything", () => {
  assert.deepEqual(notesOf("1:a 2:a 3:b 4:b", { task: "classification", names: "ab", folds: 2 }), []);
  assert.deepEqual(notesOf("1:ab 2:ab 3:ab", { task: "segmentation", names: "ab" }), []);
  assert.deepEqual(notesOf("1:a 2:a 3:b 4:b", { task: "classification", names: "ab" }), [], "one patient a fold");
});

Deno.test("foldNotes() names classes without cases and classes of one patient", () => {
  assert.deepEqual(notesOf("1:a 2:a 3:a 4:b 4:b", { task: "classification", names: "abc" }), [
    "Only one patient has b (2 cases), who is held out by fold 4 of 4: no figure of it can be measured.",
    "No case has c: the network cannot learn it, and no figure says anything about it.",
  ]);
  assert.deepEqual(notesOf("1:a 1:b 2:a", { task: "classification", names: "ab", folds: "none" }), [
    "Only one patient has b (1 case).",
  ]);
});

Deno.test("foldNotes() names folds that hold no label out, that are trained without one, and on empty cases only", () => {
  assert.deepEqual(notesOf("1:a 2:a 3:", { task: "segmentation", names: "a" }), [
    "Held out no case with a: fold 3 of 3.",
    "1 case of 3 without any labelled voxel: number 3.",
  ]);
  assert.deepEqual(notesOf("1:a 2:", { task: "segmentation", names: "a" }), [
    "Only one patient has a (1 case), who is held out by fold 1 of 2: no figure of it can be measured.",
    "1 case of 2 without any labelled voxel: number 2.",
    "Trained on cases without any label: fold 1 of 2.",
  ]);
});

Deno.test("foldNotes() lists at most twenty numbers", () => {
  const text = Array.from({ length: 60 }, (_, i) => `${i}:${i < 30 ? "a" : ""}`).join(" ");
  const [note] = notesOf(text, { task: "segmentation", names: "a" });
  assert.match(note, /^30 cases of 60 without any labelled voxel: number 31, 32, .*, 50, …\.$/);
});
