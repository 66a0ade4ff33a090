/** The child that unpacks an archive of cases: see {@link importInProcess}. */
import { answerLimited } from "../../process/mod.ts";
import { unpackDataset } from "./unpack.ts";

answerLimited(unpackDataset);
