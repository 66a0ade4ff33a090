/** Removes versions whose time is over. The served one stays, and the one to which a roll-back leads. */
import type { Policies } from "../identity/mod.ts";
import { type Database, noteRemovals, type Queryable, type Witness } from "../storage/mod.ts";

interface Removable {
  readonly name: string;
  readonly version: number;
  readonly project: string | null;
  readonly added: Date;
}

/** Versions that nothing needs: no open job names one, and no model is served or rolled back with one. */
const REMOVABLE = `
  SELECT v.name, v.version, o.project, v.added_at AS added
  FROM sulcus.model_versions v LEFT JOIN sulcus.model_owners o ON o.name = v.name
  WHERE NOT v.shipped AND v.state <> 'served'
    AND NOT EXISTS (SELECT 1 FROM sulcus.model_versions s
                    WHERE s.name = v.name AND s.state = 'served' AND s.former_version = v.version)
    AND NOT EXISTS (SELECT 1 FROM sulcus.jobs j
                    WHERE j.state IN ('queued', 'running')
                      AND ((j.input->>'model' = v.name AND j.input->>'version' = v.version::text)
                        OR (j.input->'base'->>'model' = v.name AND j.input->'base'->>'version' = v.version::text)))`;

/** Versions that go at `now`. */
export async function outdatedVersions(on: Queryable, policies: Policies, now: number): Promise<Removable[]> {
  const { rows } = await on.query<Removable>(REMOVABLE);
  return rows.filter(({ project, added }) => added.getTime() <= policies.endOf("modelDays", project, now));
}

/**
 * Removes a version's row and notes its folder, unless it has become needed meanwhile.
 * @returns whether it is removed
 */
export async function removeVersion(
  database: Database,
  { name, version }: Pick<Removable, "name" | "version">,
  witness: Witness,
): Promise<boolean> {
  return await database.transaction(async (tx) => {
    await tx.query("SELECT 1 FROM sulcus.model_versions WHERE name = $1 FOR UPDATE", [name]);
    const { affected } = await tx.query(
      `DELETE FROM sulcus.model_versions m USING (${REMOVABLE}) r
       WHERE m.name = r.name AND m.version = r.version AND m.name = $1 AND m.version = $2`,
      [name, version],
    );
    if (affected === 0) return false;
    await noteRemovals(tx, [`models/${name}/${version}`]);
    await witness(tx, `${name}/${version}`);
    return true;
  });
}
