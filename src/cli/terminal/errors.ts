/** Errors in words for users. Unforeseen ones may quote paths or file contents, so their messages are not shown. */
import { EngineError } from "../../engine/mod.ts";
import { InferenceError, TEMPLATES_WISH } from "../../inference/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import { TrainingError } from "../../train/mod.ts";
import { VolumeError } from "../../volume/mod.ts";
import { UsageError } from "./args.ts";

export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** A command failed for a reason of its own: exit code 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  constructor(readonly code: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

export function failureOf(error: unknown): Failure {
  // what failed first, and not what failed when that was cleared away
  if (error instanceof SuppressedError) return failureOf(error.suppressed);
  if (error instanceof UsageError) return { code: "wrong-use", message: error.message };
  if (error instanceof InferenceError) {
    return { code: error.code, message: error.message.replace(TEMPLATES_WISH, "--missing template") };
  }
  if (error instanceof VolumeError) return { code: "invalid-volume", message: error.message };
  for (const Known of [CommandError, DomainError, EngineError, TrainingError]) {
    if (error instanceof Known) return { code: error.code, message: error.message };
  }
  // Our own checks throw built-in errors with messages of this form.
  if (error instanceof Error && /^(Type|Range|Syntax)?Error$/.test(error.name) && /^Cannot [a-z]/.test(error.message)) {
    return { code: "failed", message: error.message };
  }
  const kind = error instanceof Error ? error.name : typeof error;
  return {
    code: "internal",
    message: `An unforeseen error (${kind}). SULCUS_DEBUG=1 shows where; that text may hold file names.`,
  };
}
