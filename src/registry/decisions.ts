/** Decisions about versions: which one is served. Each is one transaction with its entries in the audit trails. */
import { type Database, DomainError, type Queryable } from "../storage/mod.ts";
import { serve, writeAudit } from "./rows.ts";
import type { Decision } from "./types.ts";

/** @throws {DomainError} `invalid-transition` when it is served already */
export async function approveVersion(
  database: Database,
  { name, version }: { readonly name: string; readonly version: number },
  decision: Decision,
): Promise<void> {
  await database.transaction(async (tx) => {
    const served = await lockServed(tx, name);
    if (served === version) {
      throw new DomainError("invalid-transition", `Cannot approve ${name}/${version}: it is served already`);
    }
    await serve(tx, { name, version, served, decision });
    await tx.query(
      "UPDATE sulcus.model_versions SET former_version = $3 WHERE name = $1 AND version = $2",
      [name, version, served],
    );
    await writeAudit(tx, { ...decision, action: "approve", model: name, version, formerVersion: served });
    await decision.witness?.(tx);
  });
}

/** Serves a version again. @throws {DomainError} `conflict` another one was approved meanwhile */
export async function rollBackTo(
  database: Database,
  { name, version }: { readonly name: string; readonly version: number },
  decision: Decision,
): Promise<void> {
  await database.transaction(async (tx) => {
    const served = await lockServed(tx, name);
    if (await formerVersion(tx, name) !== version) {
      throw new DomainError("conflict", `Cannot roll ${name} back: another version has been approved meanwhile`);
    }
    await serve(tx, { name, version, served, decision });
    await writeAudit(tx, { ...decision, action: "rollback", model: name, version, formerVersion: served });
    await decision.witness?.(tx);
  });
}

/** The version that was served before. @throws {DomainError} `not-found`, `model-not-served`, `no-former-version` */
export async function formerVersion(on: Queryable, name: string): Promise<number> {
  const { rows } = await on.query<{ state: string; former_version: number | null }>(
    "SELECT state, former_version FROM sulcus.model_versions WHERE name = $1",
    [name],
  );
  if (rows.length === 0) noModel();
  const served = rows.find((r) => r.state === "served") ?? notServed();
  if (served.former_version === null) {
    throw new DomainError("no-former-version", `Cannot roll ${name} back: no version was served before this one`);
  }
  return served.former_version;
}

/** Locks a model's rows until the end of the transaction and returns the served version. */
export async function lockServed(tx: Queryable, name: string): Promise<number | null> {
  const { rows } = await tx.query<{ version: number; state: string }>(
    "SELECT version, state FROM sulcus.model_versions WHERE name = $1 ORDER BY version FOR UPDATE",
    [name],
  );
  return rows.find((r) => r.state === "served")?.version ?? null;
}

export function noModel(): never {
  throw new DomainError(
    "not-found",
    "Cannot find this model: `sulcus models` lists those there are, over HTTP `GET /v1/models`",
  );
}
export function noVersion(): never {
  throw new DomainError(
    "not-found",
    "Cannot find this version of the model: `sulcus models` lists those there are, over HTTP `GET /v1/models/{name}`",
  );
}
export function notServed(): never {
  throw new DomainError("model-not-served", "Cannot use this model: no version of it is served; approve one first");
}
