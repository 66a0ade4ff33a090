/** The child that unpacks a package: see {@link unpackPackage}. */
import { answerLimited } from "../process/mod.ts";
import { unpackPackage, type UnpackTask } from "./archive.ts";

answerLimited((task: UnpackTask) => unpackPackage(task));
