/** The table of all routes, which the server answers and the OpenAPI document lists. */
import type { Route } from "../http/route.ts";
import { AUDIT_ROUTES } from "./audit.ts";
import { DATASET_CASE_ROUTES } from "./dataset_cases.ts";
import { DATASET_ROUTES } from "./datasets.ts";
import { IDENTITY_ROUTES } from "./identity.ts";
import { INFERENCE_ROUTES } from "./inference.ts";
import { JOB_ROUTES } from "./jobs.ts";
import { MODEL_ROUTES } from "./models.ts";
import { docsRoutes, PAGE_ROUTES } from "./pages.ts";
import { PROJECT_ROUTES } from "./projects.ts";
import { SERVICE_ROUTES } from "./service.ts";
import { TRAINING_ROUTES } from "./trainings.ts";

const API_ROUTES: readonly Route[] = [
  ...SERVICE_ROUTES,
  ...MODEL_ROUTES,
  ...INFERENCE_ROUTES,
  ...DATASET_ROUTES,
  ...DATASET_CASE_ROUTES,
  ...TRAINING_ROUTES,
  ...JOB_ROUTES,
  ...IDENTITY_ROUTES,
  ...PROJECT_ROUTES,
  ...AUDIT_ROUTES,
  ...PAGE_ROUTES,
];

export const ROUTES: readonly Route[] = [...API_ROUTES, ...docsRoutes(API_ROUTES)];
