/** Writes a route's event into the audit trail, once its outcome is known and before its reply leaves. */
import { type Actor, type AuditEvent, caseId, type ObjectKind, witnessOf } from "../../audit/mod.ts";
import type { Witness } from "../../storage/mod.ts";
import { PROJECT_NAME } from "../../identity/mod.ts";
import { traceOf } from "../observe/log.ts";
import { Problem, problemOf } from "./problems.ts";
import type { Route } from "./route.ts";
import type { Services } from "./services.ts";

export interface AuditedCall {
  readonly params: Readonly<Record<string, string>>;
  readonly services: Pick<Services, "audit" | "log" | "metrics">;
  readonly who: Actor;
  readonly requestId: string;
  readonly from?: string;
}

/** Of routes without events. */
const NO_WITNESS: Witness = () => Promise.resolve();

/**
 * Runs a request and records how it ended. What changes something stores its event by the witness, in the transaction of
 * the change. Any other reply whose event cannot be stored is withheld: nobody sees a patient's data without a trace.
 * @throws {Problem} `database-unavailable`; and what `run` throws
 */
export async function audited(
  { audit }: Pick<Route, "audit">,
  { params, services, who: { id, name, via }, requestId, from }: AuditedCall,
  run: (witness: Witness) => Promise<Response>,
): Promise<Response> {
  if (audit === undefined) return await run(NO_WITNESS);
  const { action, object: kind } = audit;
  const event = { who: { id, name, via }, action, requestId, ...(from !== undefined && { from }) };
  const record = async (rest: Pick<AuditEvent, "object" | "outcome" | "code">) => {
    try {
      await services.audit.record({ ...event, ...rest });
      services.metrics.audited.add({ outcome: "stored" });
    } catch (failure) {
      services.metrics.audited.add({ outcome: "failed" });
      services.log({ level: "error", event: "audit-failed", requestId, ...traceOf(failure) });
      throw failure;
    }
  };
  let isStored = false;
  const store = witnessOf({ ...event, object: { kind, id: idOf(kind, params) } });
  let reply: Response;
  try {
    reply = await run(async (tx, made) => {
      await store(tx, made);
      isStored = true;
    });
  } catch (error) {
    const { status, code } = problemOf(error);
    const outcome = status >= 500 ? "failed" : "refused";
    await record({ object: { kind, id: idOf(kind, params) }, outcome, code }).catch(() => {}); // nothing was shown
    throw error;
  }
  if (isStored) {
    services.metrics.audited.add({ outcome: "stored" });
    return reply;
  }
  try {
    await record({ object: { kind, id: idOf(kind, params, reply) }, outcome: "success" });
  } catch (cause) {
    await reply.body?.cancel();
    throw new Problem("database-unavailable", "Cannot reply: the audit trail cannot be written", { cause });
  }
  return reply;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const VERSION = /^[1-9]\d{0,5}$/;
/** Stands for an id that cannot be one: the trail keeps no text that somebody made up. */
const INVALID = "invalid";

function idOf(kind: ObjectKind, params: AuditedCall["params"], reply?: Response): string {
  const made = reply?.headers.get("location")?.split("/").slice(1) ?? [];
  const unnamed = reply === undefined ? "none" : "all"; // nothing was made, or a list was read
  if (kind === "case") return UUID.test(params.id) ? caseId(params.id, params.case) : INVALID;
  if (kind === "model") return modelId(params.name ?? made[2], params.version ?? made[4]) ?? unnamed;
  if (kind === "project") return PROJECT_NAME.test(params.name) ? params.name : INVALID;
  const id = params.id ?? made[2];
  return id === undefined ? unnamed : UUID.test(id) ? id : INVALID;
}

function modelId(name: string | undefined, version: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  if (!NAME.test(name) || !VERSION.test(version ?? "1")) return INVALID;
  return version === undefined ? name : `${name}/${version}`;
}
