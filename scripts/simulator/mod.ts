/**
 * A simulator of subjects: real anatomies deformed, seen by a scanner that is drawn anew for each of eight modalities,
 * with real lesion masks; the label maps are the truth. Seeded: a subject follows from its anatomy and options alone.
 * Not MR physics: every class has a signal, no equation has a flip angle. `main.ts` writes data sets; docs/simulator.md
 * shows them beside real scans.
 */
export { type Anatomy, makeAnatomy, readAnatomy } from "./anatomy/anatomy.ts";
export { STRUCTURES } from "./anatomy/classes.ts";
export { MODALITIES, type Modality } from "./image/modalities.ts";
export { type LesionKind, type LesionMask, readLesionMasks } from "./lesions/lesion_masks.ts";
export { planSubject, type SubjectOptions, type SubjectPlan } from "./plan.ts";
export { renderRegion, simulateCrop, simulateSubject, type Subject } from "./simulate.ts";
