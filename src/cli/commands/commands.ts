/** The table of all commands, in the order in which the help lists them. */
import type { Command } from "../terminal/args.ts";
import { backupCommand } from "./backup.ts";
import { auditCommand } from "./audit.ts";
import { benchCommand } from "./bench.ts";
import { classifyCommand } from "./classify.ts";
import { evaluateCommand } from "./evaluate.ts";
import { exportCommand } from "./export.ts";
import { finetuneCommand } from "./finetune.ts";
import { importCommand } from "./import.ts";
import { modelsCommand } from "./models.ts";
import { pretrainCommand } from "./pretrain.ts";
import { projectCommand } from "./project.ts";
import { restoreCommand } from "./restore.ts";
import { segmentCommand } from "./segment.ts";
import { serveCommand } from "./serve.ts";
import { tokenCommand } from "./token.ts";

export const COMMANDS: readonly Command[] = [
  serveCommand,
  segmentCommand,
  classifyCommand,
  finetuneCommand,
  pretrainCommand,
  evaluateCommand,
  modelsCommand,
  importCommand,
  exportCommand,
  tokenCommand,
  projectCommand,
  backupCommand,
  restoreCommand,
  auditCommand,
  benchCommand,
];
