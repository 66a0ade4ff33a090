/** The child behind {@link Inspector}. */
import { answerLimited } from "../../process/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import { VolumeError } from "../../volume/mod.ts";
import type { InspectReply, InspectRequest } from "./inspect.ts";
import { inspectFile } from "./inspect_file.ts";

answerLimited<InspectRequest, InspectReply>(
  async ({ path, isLabel }) => ({ info: await inspectFile(path, isLabel) }),
  (error) => {
    if (error instanceof DomainError) throw error;
    const isContent = error instanceof VolumeError;
    return { error: isContent ? error.message : "failed", isContent };
  },
);
