/** The table of all routes: the server answers to these and the document lists these. */
import { DATASET_ROUTES } from "./datasets.ts";
import { docsRoutes } from "./docs.ts";
import { FINETUNE_ROUTES } from "./finetunes.ts";
import { HEALTH_ROUTES } from "./health.ts";
import { INFERENCE_ROUTES } from "./inference.ts";
import { JOB_ROUTES } from "./jobs.ts";
import { METRICS_ROUTES } from "./metrics.ts";
import { MODEL_ROUTES } from "./models.ts";
import { PAGE_ROUTES } from "./page.ts";
import { PRETRAINING_ROUTES } from "./pretrainings.ts";
import type { Route } from "../http/route.ts";
import { VERSION_ROUTES } from "./version.ts";

const API_ROUTES: readonly Route[] = [
  ...HEALTH_ROUTES,
  ...VERSION_ROUTES,
  ...METRICS_ROUTES,
  ...MODEL_ROUTES,
  ...INFERENCE_ROUTES,
  ...DATASET_ROUTES,
  ...FINETUNE_ROUTES,
  ...PRETRAINING_ROUTES,
  ...JOB_ROUTES,
  ...PAGE_ROUTES,
];

export const ROUTES: readonly Route[] = [...API_ROUTES, ...docsRoutes(API_ROUTES)];
