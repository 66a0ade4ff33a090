/** Whoever runs a command, in the audit trail, and the entries that commands leave there. */
import { type Actor, type AuditAction, type ObjectKind, witnessOf } from "../../audit/mod.ts";
import type { Witness } from "../../storage/mod.ts";
import type { Bringer } from "../../registry/mod.ts";
import type { Args } from "../terminal/args.ts";

/** Whoever can run the command has the data directory: who they are only the machine knows. */
export const OPERATOR: Actor = { id: "command-line", name: "command line", via: "system" };

/** Writes a command's entry in the transaction of its deed. */
export function operatorWitness(action: AuditAction, kind: ObjectKind, id = "all"): Witness {
  return witnessOf({ who: OPERATOR, action, object: { kind, id } });
}

/** Who brings a model: `--by`. */
export function bringerOf(args: Args, action: "model.import" | "model.change" = "model.import"): Bringer {
  return { actor: args.text("by") ?? OPERATOR.name, witness: operatorWitness(action, "model") };
}
