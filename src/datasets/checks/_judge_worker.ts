/** The thread behind `judge()`. */
import { answerTasks } from "../../process/mod.ts";
import { judgeHere, type JudgeReply, type JudgeTask } from "./judge.ts";

answerTasks<JudgeTask, JudgeReply>((task) => Promise.resolve(judgeHere(task)));
