/** Draws the simulated subjects of the task on its standard input, one after the other; a subject appears whole or not at all. */
import { text } from "node:stream/consumers";
import process from "node:process";
import { drawSubjects } from "../simulator/dataset.ts";
import type { DrawSubjects } from "./subject_pool.ts";

const { folder, plan, subjects }: DrawSubjects = JSON.parse(await text(process.stdin));
const parent = process.ppid;
// a process whose parent is gone would draw beside that of the next run
await drawSubjects(folder, plan, { numbers: subjects, isOver: () => process.ppid !== parent });
