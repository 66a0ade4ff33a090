/** The checks of plausibility for a data set: those of inference, by the facts that were recorded when files came in. */
import {
  caseDoubts,
  type CaseFacts,
  datasetDoubts,
  labelDoubts,
  volumeDoubts,
  type VolumeFacts,
  volumeRefusal,
} from "../../inference/mod.ts";
import type { CaseCheck, Role } from "../types.ts";
import type { FileInfo } from "./inspect.ts";

type Files = ReadonlyMap<Role, { readonly info: FileInfo }>;

/** The part of a case that the checks need. */
export interface RecordedCase {
  readonly id: string;
  readonly patient: string;
  readonly files: Files;
}

/** Checks of cases whose files have facts; those recorded before there were facts have none, and pass. */
export function plausibilityChecks(cases: readonly RecordedCase[], modalities: readonly Role[]): CaseCheck[] {
  const known = cases.map(({ id, patient, files }) => ({
    id,
    patient,
    images: factsOf(files, modalities),
    labels: files.get("label")?.info.labels ?? [],
    ofLabel: files.get("label")?.info.doubts ?? [],
  }));
  const ofCases = known.flatMap(({ id, images, labels, ofLabel }): CaseCheck[] => {
    const entries = Object.entries<VolumeFacts | undefined>(images).filter((e): e is [string, VolumeFacts] => !!e[1]);
    const refusals = entries.flatMap(([role, facts]) => volumeRefusal(role, facts) ?? []);
    const doubts = [
      ...entries.flatMap(([role, facts]) => volumeDoubts(role, facts)),
      ...ofLabel.map(({ code, detail }) => ({ code, detail: `label: ${detail}` })),
      ...caseDoubts(images),
      ...labelDoubts({ labels, images }),
    ];
    return [
      ...refusals.map((refusal) => ({ ...refusal, case: id, severity: "error" as const })),
      ...doubts.map((doubt) => ({ ...doubt, case: id, severity: "warning" as const })),
    ];
  });
  return [...ofCases, ...datasetDoubts(known).map((doubt) => ({ ...doubt, severity: "warning" as const }))];
}

function factsOf(files: Files, modalities: readonly Role[]): CaseFacts {
  return Object.fromEntries(modalities.map((role) => [role, files.get(role)?.info.facts]));
}
