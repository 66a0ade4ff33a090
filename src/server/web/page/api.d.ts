// Made by deno task docs from the OpenAPI document; a test fails when this file is out of date.

export type CaseChanges = {
  cases: {
    case: string
    patient?: string | null
    class?: string
    excluded?: string | null
    delete?: true
  }[]
};
export type CaseClass = {
  class: string
  patient?: string
};
export type CaseOptions = {
  class?: string
  patient?: string | null
  excluded?: string | null
};
export type CasePatient = {
  patient: string
};
export type Classification = {
  model: string
  version: number
  provider: string
  kind?: "exclusive" | "independent" | "values"
  classes: {
    label: string
    probability: number
  }[]
  values?: {
    label: string
    value: number
    unit: string | null
  }[]
  timingsMs: {
    read: number
    preprocess: number
    infer: number
  }
  warnings: Warning[]
};
export type ClassifyOutput = {
  provider: string
  kind?: "exclusive" | "independent" | "values"
  classes: {
    label: string
    probability: number
  }[]
  values?: {
    label: string
    value: number
    unit: string | null
  }[]
  timingsMs: {
    read: number
    preprocess: number
    infer: number
  }
  warnings: Warning[]
};
export type Dataset = {
  id: string
  name: string
  task: "segmentation" | "classification"
  modalities: ("t1" | "t1c" | "t2" | "flair" | "pd" | "mra" | "dwi" | "adc" | "any")[]
  labels: {
    name: string
    value: number
    sourceValues?: number[]
    colour: string
    trainingMl?: {
      min: number
      max: number
    }
  }[]
  classes: string[]
  createdAt: string
  caseCount: number
  cases: DatasetCase[]
  checks: {
    case: string
    code: "missing-modality" | "missing-label" | "missing-class" | "no-overlap" | "grids-differ" | "label-out-of-range" | "label-empty" | "non-finite" | "no-position" | "position-assumed" | "empty-volume" | "single-slice" | "impossible-size" | "implausible-voxel-size" | "implausible-head-size" | "same-image-twice" | "heads-apart" | "label-at-border" | "label-outside-tissue" | "same-image-in-cases" | "outlier-voxel-size" | "outlier-field-of-view" | "outlier-head-size" | "outlier-intensities" | "outlier-label-volume" | "forms-differ" | "units-doubtful" | "sform-unusable" | "pixdim-doubtful" | "pixdim-differs" | "quaternion-doubtful" | "qfac-doubtful" | "dimensions-doubtful" | "sheared"
    severity: "error" | "warning"
    detail: string
  }[]
  patients: {
    count: number
    named: number
    rule: number
    caseName: number
  }
  hash: string
  ready: boolean
};
export type DatasetCase = {
  case: string
  patient: string
  patientFrom: "named" | "rule" | "case-name"
  excluded?: string
  modalities: ("t1" | "t1c" | "t2" | "flair" | "pd" | "mra" | "dwi" | "adc" | "any")[]
  hasLabel: boolean
  class?: string
};
export type DatasetList = {
  datasets: DatasetSummary[]
};
export type DatasetRequest = {
  name: string
  task: "segmentation" | "classification"
  modalities: ("t1" | "t1c" | "t2" | "flair" | "pd" | "mra" | "dwi" | "adc" | "any")[]
  labels?: {
    name: string
    values: number[]
    value?: number
    colour?: string
  }[]
  classes?: string[]
  project?: string
};
export type DatasetSummary = {
  id: string
  name: string
  task: "segmentation" | "classification"
  modalities: ("t1" | "t1c" | "t2" | "flair" | "pd" | "mra" | "dwi" | "adc" | "any")[]
  labels: {
    name: string
    value: number
    sourceValues?: number[]
    colour: string
    trainingMl?: {
      min: number
      max: number
    }
  }[]
  classes: string[]
  createdAt: string
  caseCount: number
};
export type Decision = {
  approvedBy?: string
  note?: string
};
export type Device = {
  provider: "cuda" | "webgpu" | "cpu" | "openvino" | "wasm"
  name: string
  state: "ready" | "absent" | "failed"
  reason?: string
};
export type FeatureMap = {
  name: string
  channels: number
  strides: [number, number, number]
  layout: "map" | "channels-last" | "tokens"
  grid: [number, number, number]
  receptiveWindow?: [number, number, number]
  stage: boolean
};
export type FeatureNames = {
  features: string[]
  by?: string
};
export type FinetunePlan = {
  fingerprint: {
    task: "segmentation" | "classification"
    cases: number
    patients: number
    modalities: string[]
    headersRead: number
    labelsRead: number
    sizeVox: {
      least: [number, number, number]
      median: [number, number, number]
      most: [number, number, number]
    }
    spacingMm: {
      least: [number, number, number]
      median: [number, number, number]
      most: [number, number, number]
    }
    extentMm: [number, number, number]
    labels: {
      name: string
      cases: number
      medianMl: number
      components: number
      share: number
    }[]
    exclusive: boolean
    classes: { [name: string]: number }
  }
  recipe: ResolvedRecipe
  reasons: string[]
  expected: {
    seconds: number | null
    peakBytes: number
    updates: number
    secondsPerUpdate: number | null
    isMeasured: boolean
  }
};
export type FinetunePlanRequest = {
  dataset: string
  base: {
    model: string
    version?: number
  }
  name?: string
  recipe?: Recipe
  skip?: "errors" | string[]
};
export type FinetuneRequest = {
  dataset: string
  base: {
    model: string
    version?: number
  }
  name: string
  recipe?: Recipe
  skip?: "errors" | string[]
};
export type GraphFacts = {
  producer: string
  opset: number
  parameters: number
  inputs: GraphValue[]
  outputs: GraphValue[]
  widened: string[]
  layout: "channels-first" | "channels-last" | null
  finalActivation: {
    output: string
    kind: "sigmoid" | "softmax" | "argmax" | "none"
  }[]
  input: number[] | null
  features: FeatureMap[]
  unsupported: string | null
};
export type GraphValue = {
  name: string
  dtype: string
  dims: (number | string)[] | null
};
export type Health = {
  status: "started" | "starting" | "ready" | "not-ready"
  checks: {
    database: "ok" | "pending" | "failed"
    storage: "ok" | "pending" | "failed"
    device: "ok" | "pending" | "failed"
    models: "ok" | "pending" | "failed"
  }
};
export type Holders = {
  owner: string | null
  project: string | null
};
export type Identity = {
  id: string
  name: string
  roles: ("viewer" | "user" | "annotator" | "admin")[]
  projects: string[]
  via: "none" | "token" | "oidc"
};
export type ImportReport = {
  format: "safetensors" | "pytorch" | "onnx"
  source: {
    bytes: number
    sha256: string
  }
  network: {
    kind: "uniformer" | "uniunet" | "uniformer-classifier" | "uniformer-pretraining" | "unet3d" | "unet3d-classifier" | "unet3d-pretraining" | "nnunet" | "nnunet-classifier" | "onnx"
    config: { [name: string]: Shared_schema0 }
  }
  loaded: string[]
  dropped: {
    key: string
    why: string
  }[]
  missing: string[]
  converted: {
    key: string
    from: string
  }[]
  templates: ("t1" | "t1c" | "t2" | "flair" | "pd" | "mra" | "dwi" | "adc")[]
  assumed: string[]
  batchesTracked: number | null
  graph?: GraphFacts
};
export type ImportedDataset = {
  id: string
  name: string
  task: "segmentation" | "classification"
  modalities: ("t1" | "t1c" | "t2" | "flair" | "pd" | "mra" | "dwi" | "adc" | "any")[]
  labels: {
    name: string
    value: number
    sourceValues?: number[]
    colour: string
    trainingMl?: {
      min: number
      max: number
    }
  }[]
  classes: string[]
  createdAt: string
  caseCount: number
  cases: DatasetCase[]
  checks: {
    case: string
    code: "missing-modality" | "missing-label" | "missing-class" | "no-overlap" | "grids-differ" | "label-out-of-range" | "label-empty" | "non-finite" | "no-position" | "position-assumed" | "empty-volume" | "single-slice" | "impossible-size" | "implausible-voxel-size" | "implausible-head-size" | "same-image-twice" | "heads-apart" | "label-at-border" | "label-outside-tissue" | "same-image-in-cases" | "outlier-voxel-size" | "outlier-field-of-view" | "outlier-head-size" | "outlier-intensities" | "outlier-label-volume" | "forms-differ" | "units-doubtful" | "sform-unusable" | "pixdim-doubtful" | "pixdim-differs" | "quaternion-doubtful" | "qfac-doubtful" | "dimensions-doubtful" | "sheared"
    severity: "error" | "warning"
    detail: string
  }[]
  patients: {
    count: number
    named: number
    rule: number
    caseName: number
  }
  hash: string
  ready: boolean
  layout: "nnunet" | "decathlon" | "brats" | "sulcus"
  ignoredFiles: number
  ignored: string[]
  leftOut: {
    case: string
    reason: string
  }[]
  notes: string[]
};
export type ImportedModel = {
  name: string
  version: number
  state: "candidate" | "served" | "retired"
  shipped: boolean
  addedAt: string
  approvedBy?: string
  approvedAt?: string
  note?: string
  metrics: { [name: string]: number | null }
  hashes: { [name: string]: string }
  manifest: Manifest
  report: ImportReport
};
export type InferenceOptions = {
  version?: number
  provider?: "auto" | "cuda" | "webgpu" | "cpu" | "openvino" | "wasm"
  missing?: "error" | "template"
};
export type Inspection = {
  format: "safetensors" | "pytorch" | "onnx"
  source: {
    bytes: number
    sha256: string
  }
  graph: GraphFacts | null
  weights: {
    tensors: number
    parameters: number
    network: {
      kind: "uniformer" | "uniunet" | "uniformer-classifier" | "uniformer-pretraining" | "unet3d" | "unet3d-classifier" | "unet3d-pretraining" | "nnunet" | "nnunet-classifier" | "onnx"
      config: { [name: string]: Shared_schema0 }
    } | null
    templates: number
    described: boolean
    unsupported: string | null
  } | null
  spec: {
    task: "encoder" | "segmentation" | "classification"
    architecture: {
      kind: "uniformer" | "uniunet" | "uniformer-classifier" | "uniformer-pretraining" | "unet3d" | "unet3d-classifier" | "unet3d-pretraining" | "nnunet" | "nnunet-classifier" | "onnx"
      config: { [name: string]: Shared_schema0 }
    }
    modalities: ("t1" | "t1c" | "t2" | "flair" | "pd" | "mra" | "dwi" | "adc" | "any")[]
    labels: {
      name: string
      value: number
      sourceValues?: number[]
      colour: string
      trainingMl?: {
        min: number
        max: number
      }
    }[]
    classes: string[]
    preprocessing: {
      spacingMm: [number, number, number] | null
      percentiles?: {
        lower: number
        upper: number
        clip: boolean
      }
      percentilesOver?: "volume" | "foreground"
      normalisation?: ({
        kind: "percentiles"
        over: "volume" | "nonzero" | "mask" | "foreground"
        joint?: boolean
        lower: number
        upper: number
        to?: [number, number]
        clip: boolean
      } | {
        kind: "z-score"
        over: "volume" | "nonzero" | "mask" | "foreground"
        joint?: boolean
        clipPercentiles?: [number, number]
      } | {
        kind: "min-max"
        over: "volume" | "nonzero" | "mask" | "foreground"
        joint?: boolean
        to: [number, number]
      } | {
        kind: "fixed"
        mean: number
        deviation: number
        clip?: [number, number]
      } | {
        kind: "range"
        from: [number, number]
        to: [number, number]
        clip: boolean
      } | {
        kind: "none"
      })[]
      order?: ("normalise" | "resample" | "crop")[]
      orientation?: "file" | "RAS" | "LAS" | "RPS" | "LPS" | "RAI" | "LAI" | "RPI" | "LPI" | "RSA" | "LSA" | "RIA" | "LIA" | "RSP" | "LSP" | "RIP" | "LIP" | "ARS" | "PRS" | "ALS" | "PLS" | "ARI" | "PRI" | "ALI" | "PLI" | "ASR" | "PSR" | "AIR" | "PIR" | "ASL" | "PSL" | "AIL" | "PIL" | "SRA" | "IRA" | "SLA" | "ILA" | "SRP" | "IRP" | "SLP" | "ILP" | "SAR" | "IAR" | "SPR" | "IPR" | "SAL" | "IAL" | "SPL" | "IPL"
      axes?: "XYZ" | "XZY" | "YXZ" | "YZX" | "ZXY" | "ZYX"
      interpolation?: "linear" | "cubic" | "nearest"
      alignment?: "world" | "origin" | "extent"
      separateAxis?: {
        above: number
        interpolation: "linear" | "cubic" | "nearest"
      }
      foregroundMargin: number | null
      foreground?: "tissue" | "nonzero" | "positive" | "whole"
      resize?: [number, number, number]
      keepAspect?: boolean
    }
    inference: {
      roi: [number, number, number]
      overlap: number | [number, number, number]
      blending: "constant" | "gaussian" | "gaussian-nnunet"
      threshold: number
      activation?: "sigmoid" | "softmax" | "probabilities" | "class-probabilities" | "label-map" | "logit" | "values"
      paintOrder?: number[]
      placing?: "scan" | "even"
      mirrored?: (0 | 1 | 2)[]
      restored?: "logits" | "probabilities"
      postprocessing?: ({
        kind: "largest-component"
        labels?: string[]
        together?: boolean
      } | {
        kind: "smallest-size"
        ml?: number
        voxels?: number
        labels?: string[]
        together?: boolean
      } | {
        kind: "fill-holes"
        labels?: string[]
      })[]
      unit?: string | string[]
    }
    quality?: {
      fit?: {
        patients: number
        intercept: number
        slope: number
        spread: number
        centre?: number
        slopeSpread?: number
      }
      images?: {
        cases: number
        facts: {
          of: string
          values: { [name: string]: {
            median: number
            spread: number
            least: number
            greatest: number
          } }
        }[]
      }
      mirrored?: (0 | 1 | 2)[]
    }
  } | null
  assumed: string[]
  refused: string | null
};
export type Job = {
  id: string
  kind: "finetune" | "pretrain" | "segment" | "classify"
  state: "queued" | "running" | "succeeded" | "failed" | "cancelled"
  createdAt: string
  startedAt?: string
  finishedAt?: string
  progress?: {
    step: number
    steps: number
    epoch?: number
    loss?: number
    losses?: { [name: string]: number }
    learningRate?: number
    etaSeconds?: number
    phase?: string
  }
  validation?: { [name: string]: number | null }
  leftOut?: {
    case: string
    reason: string
  }[]
  result?: {
    model: string
    version: number
    provider?: string
    warnings?: Warning[]
    plan?: FinetunePlan
    maskUrl?: string
    output?: SegmentOutput | ClassifyOutput
  }
  error?: {
    code: string
    message: string
  }
};
export type JobList = {
  jobs: Job[]
};
export type Live = {
  status: "live"
};
export type Manifest = {
  formatVersion: 1
  name: string
  version: number
  task: "encoder" | "segmentation" | "classification"
  architecture: {
    kind: "uniformer" | "uniunet" | "uniformer-classifier" | "uniformer-pretraining" | "unet3d" | "unet3d-classifier" | "unet3d-pretraining" | "nnunet" | "nnunet-classifier" | "onnx"
    config: { [name: string]: Shared_schema0 }
  }
  modalities: ("t1" | "t1c" | "t2" | "flair" | "pd" | "mra" | "dwi" | "adc" | "any")[]
  labels: {
    name: string
    value: number
    sourceValues?: number[]
    colour: string
    trainingMl?: {
      min: number
      max: number
    }
  }[]
  classes: string[]
  preprocessing: {
    spacingMm: [number, number, number] | null
    percentiles?: {
      lower: number
      upper: number
      clip: boolean
    }
    percentilesOver?: "volume" | "foreground"
    normalisation?: ({
      kind: "percentiles"
      over: "volume" | "nonzero" | "mask" | "foreground"
      joint?: boolean
      lower: number
      upper: number
      to?: [number, number]
      clip: boolean
    } | {
      kind: "z-score"
      over: "volume" | "nonzero" | "mask" | "foreground"
      joint?: boolean
      clipPercentiles?: [number, number]
    } | {
      kind: "min-max"
      over: "volume" | "nonzero" | "mask" | "foreground"
      joint?: boolean
      to: [number, number]
    } | {
      kind: "fixed"
      mean: number
      deviation: number
      clip?: [number, number]
    } | {
      kind: "range"
      from: [number, number]
      to: [number, number]
      clip: boolean
    } | {
      kind: "none"
    })[]
    order?: ("normalise" | "resample" | "crop")[]
    orientation?: "file" | "RAS" | "LAS" | "RPS" | "LPS" | "RAI" | "LAI" | "RPI" | "LPI" | "RSA" | "LSA" | "RIA" | "LIA" | "RSP" | "LSP" | "RIP" | "LIP" | "ARS" | "PRS" | "ALS" | "PLS" | "ARI" | "PRI" | "ALI" | "PLI" | "ASR" | "PSR" | "AIR" | "PIR" | "ASL" | "PSL" | "AIL" | "PIL" | "SRA" | "IRA" | "SLA" | "ILA" | "SRP" | "IRP" | "SLP" | "ILP" | "SAR" | "IAR" | "SPR" | "IPR" | "SAL" | "IAL" | "SPL" | "IPL"
    axes?: "XYZ" | "XZY" | "YXZ" | "YZX" | "ZXY" | "ZYX"
    interpolation?: "linear" | "cubic" | "nearest"
    alignment?: "world" | "origin" | "extent"
    separateAxis?: {
      above: number
      interpolation: "linear" | "cubic" | "nearest"
    }
    foregroundMargin: number | null
    foreground?: "tissue" | "nonzero" | "positive" | "whole"
    resize?: [number, number, number]
    keepAspect?: boolean
  }
  inference: {
    roi: [number, number, number]
    overlap: number | [number, number, number]
    blending: "constant" | "gaussian" | "gaussian-nnunet"
    threshold: number
    activation?: "sigmoid" | "softmax" | "probabilities" | "class-probabilities" | "label-map" | "logit" | "values"
    paintOrder?: number[]
    placing?: "scan" | "even"
    mirrored?: (0 | 1 | 2)[]
    restored?: "logits" | "probabilities"
    postprocessing?: ({
      kind: "largest-component"
      labels?: string[]
      together?: boolean
    } | {
      kind: "smallest-size"
      ml?: number
      voxels?: number
      labels?: string[]
      together?: boolean
    } | {
      kind: "fill-holes"
      labels?: string[]
    })[]
    unit?: string | string[]
  }
  quality?: {
    fit?: {
      patients: number
      intercept: number
      slope: number
      spread: number
      centre?: number
      slopeSpread?: number
    }
    images?: {
      cases: number
      facts: {
        of: string
        values: { [name: string]: {
          median: number
          spread: number
          least: number
          greatest: number
        } }
      }[]
    }
    mirrored?: (0 | 1 | 2)[]
  }
  provenance: {
    baseModel?: string
    baseVersion?: number
    datasetHash?: string
    job?: string
    recipe: { [name: string]: Shared_schema1 }
    seed: number | null
    software: { [name: string]: string }
    metrics: { [name: string]: number | null }
    warnings?: {
      code: string
      detail: string
    }[]
    createdAt: string
    note: string
  }
  licence: string
  intendedUse: string
  files: { [name: string]: string }
};
export type Model = {
  name: string
  task: "encoder" | "segmentation" | "classification"
  servedVersion: number | null
  versions: {
    version: number
    state: "candidate" | "served" | "retired"
  }[]
  version: number
  state: "candidate" | "served" | "retired"
  shipped: boolean
  addedAt: string
  approvedBy?: string
  approvedAt?: string
  note?: string
  metrics: { [name: string]: number | null }
  hashes: { [name: string]: string }
  manifest: Manifest
};
export type ModelList = {
  models: ModelSummary[]
};
export type ModelSummary = {
  name: string
  task: "encoder" | "segmentation" | "classification"
  servedVersion: number | null
  versions: {
    version: number
    state: "candidate" | "served" | "retired"
  }[]
};
export type ModelVersion = {
  name: string
  version: number
  state: "candidate" | "served" | "retired"
  shipped: boolean
  addedAt: string
  approvedBy?: string
  approvedAt?: string
  note?: string
  metrics: { [name: string]: number | null }
  hashes: { [name: string]: string }
  manifest: Manifest
};
export type NewToken = {
  id: string
  name: string
  role: "viewer" | "user" | "annotator" | "admin"
  projects: string[]
  createdBy: string
  createdAt: string
  expiresAt: string
  revokedAt?: string
  token: string
};
export type OpenApi = {
  openapi: string
};
export type Patients = {
  rule: string
} | {
  table: string
};
export type PretrainingRecipe = {
  method?: "brainmvp"
  preset?: "edge" | "paper" | "official" | "official-olab"
  epochs?: number
  steps?: number
  seed?: number
  roi?: [number, number, number]
  spacingMm?: [number, number, number]
  percentiles?: {
    lower?: number
    upper?: number
  }
  percentilesOver?: "foreground" | "volume"
  align?: "middle" | "anatomy"
  batch?: {
    size?: number
    replicas?: number
    accumulation?: number
    updates?: "whole" | "early"
  }
  learningRate?: number
  schedulerStep?: "optimizer" | "micro"
  optimizer?: {
    kind?: "adamw" | "adam-l2"
    weightDecay?: number
    beta1?: number
    beta2?: number
    epsilon?: number
  }
  maxCases?: number | null
  checkpointEverySteps?: number
  network?: {
    kind?: "uniformer-pretraining" | "unet3d-pretraining"
    config?: { [name: string]: number | boolean | number[] }
  }
  weights?: {
    md?: number
    cmr?: number
    contrast?: number
  }
  temperature?: number
  crossModalFromEpoch?: number
  contrastFromEpoch?: number
  mask?: {
    rate?: number
    blockVox?: number
  }
  modalitySampling?: "perSample" | "perBatchIndex"
  modalitiesPerCase?: number | null
  templates?: {
    sizeVox?: [number, number, number]
    spacingMm?: [number, number, number]
    start?: "zero" | "mean"
    epsilon?: number
    others?: "zeroGradient" | "untouched"
    rate?: number
  }
};
export type PretrainingRequest = {
  dataset: string
  name: string
  recipe?: PretrainingRecipe
};
export type Problem = {
  type: string
  title: string
  status: number
  detail: string
  code: string
  path?: string
  requestId: string
};
export type Project = {
  name: string
  own: ProjectPolicy
  policy: {
    resultHours: number | null
    uploadHours: number | null
    checkpointDays: number | null
    datasetDays: number | null
    modelDays: number | null
    jobDays: number | null
    auditDays: number | null
    storageBytes: number | null
  }
  usedBytes: number
};
export type ProjectList = {
  projects: Project[]
};
export type ProjectPolicy = {
  resultHours?: number | null
  uploadHours?: number | null
  checkpointDays?: number | null
  datasetDays?: number | null
  modelDays?: number | null
  jobDays?: number | null
  auditDays?: number | null
  storageBytes?: number | null
};
export type Quality = {
  score: number | null
  expectedDice?: number
  interval?: [number, number]
  passes: number
  perLabel: {
    name: string
    score: number | null
  }[]
  reasons: string[]
};
export type Recipe = {
  preset?: "auto" | "edge" | "paper" | "official"
  budgetMinutes?: number | null
  steps?: number
  roi?: [number, number, number]
  batchSize?: number
  learningRate?: number | "auto"
  warmupSteps?: number
  clipNorm?: number | null
  batchNorm?: "batch" | "frozen"
  norm?: "batch" | "instance" | "re-estimated"
  ema?: number | null
  deepSupervision?: boolean
  headWeights?: "equal" | "halved"
  exclusive?: boolean | "auto"
  batchDice?: boolean
  encoderRate?: number
  frozenSteps?: number
  keepDecoder?: boolean
  finalStart?: "base" | "fold"
  keepHead?: boolean
  templates?: boolean | "auto"
  base?: "auto" | "use" | "scratch"
  percentilesOver?: "foreground" | "volume"
  seed?: number
  validation?: "auto" | "none" | {
    folds: number
  }
  ensemble?: "final" | "folds"
  outputs?: "fixed" | "chosen"
  mirroredWindows?: boolean
  earlyStopSteps?: number | null
  earlyStop?: "never" | "held-out"
  hardCrops?: number
  compareFromScratch?: boolean
  foldSteps?: number
  foldsRun?: number | null
  halfFolds?: number
  spacingMm?: [number, number, number] | null
  batch?: "accumulated" | "joint"
  optimizer?: {
    kind?: "adamw" | "adam-l2"
    weightDecay?: number
    beta1?: number
    beta2?: number
    epsilon?: number
  }
  firstKernel?: "fresh" | "inflate"
  templateFit?: "registered" | "centred" | "raw"
  views?: "copies" | "interleaved"
  consistency?: {
    on?: "x4" | "out4"
    weight?: number
  }
  supervision?: "sum" | "concat"
  flips?: "axes" | "joint" | ("x" | "y" | "z")[]
  maxReplaced?: number | null
  mask?: {
    rate?: number
    blockVox?: number
  }
  intensity?: {
    shift?: number
    scale?: number
    gamma?: number
    perChannel?: boolean
  }
  augmentation?: {
    rotation: {
      chance: number
      degrees: number
    }
    scaling: {
      chance: number
      smallest: number
      largest: number
    }
    elastic: {
      chance: number
      voxels: number
    }
    noise: {
      chance: number
      deviation: number
    }
    blur: {
      chance: number
      perModality: number
      smallestVox: number
      largestVox: number
    }
    brightness: {
      chance: number
      share: number
    }
    contrast: {
      chance: number
      share: number
    }
    lowResolution: {
      chance: number
      perModality: number
      smallest: number
    }
    gamma: {
      chance: number
      inverted: number
      smallest: number
      largest: number
    }
    dropModality: {
      chance: number
    }
    mirror: ("x" | "y" | "z")[]
  } | null
  allStages?: boolean
  headBias?: number | null
  lesionShare?: number
  labelBalance?: boolean
  balancedClasses?: boolean
  checkpointEverySteps?: number
};
export type Report = { [name: string]: unknown };
export type ResolvedRecipe = {
  preset: "auto" | "edge" | "paper" | "official"
  budgetMinutes: number | null
  steps: number
  roi: [number, number, number]
  batchSize: number
  learningRate: number | "auto"
  warmupSteps: number
  clipNorm: number | null
  batchNorm: "batch" | "frozen"
  norm: "batch" | "instance" | "re-estimated"
  ema: number | null
  deepSupervision: boolean
  headWeights: "equal" | "halved"
  exclusive: boolean
  batchDice: boolean
  encoderRate: number
  frozenSteps: number
  keepDecoder: boolean
  finalStart: "base" | "fold"
  keepHead: boolean
  templates: boolean
  base: "use" | "scratch"
  percentilesOver: "foreground" | "volume"
  seed: number
  validation: "auto" | "none" | {
    folds: number
  }
  ensemble: "final" | "folds"
  outputs: "fixed" | "chosen"
  mirroredWindows: boolean
  earlyStopSteps: number | null
  earlyStop: "never" | "held-out"
  hardCrops: number
  compareFromScratch: boolean
  foldSteps: number
  foldsRun: number | null
  halfFolds: number
  spacingMm: [number, number, number] | null
  batch: "accumulated" | "joint"
  optimizer: {
    kind: "adamw" | "adam-l2"
    weightDecay: number
    beta1: number
    beta2: number
    epsilon: number
  }
  firstKernel: "fresh" | "inflate"
  templateFit: "registered" | "centred" | "raw"
  views: "copies" | "interleaved"
  consistency: {
    on: "x4" | "out4"
    weight: number
  }
  supervision: "sum" | "concat"
  flips: "axes" | "joint" | ("x" | "y" | "z")[]
  maxReplaced: number | null
  mask: {
    rate: number
    blockVox: number
  }
  intensity: {
    shift: number
    scale: number
    gamma: number
    perChannel: boolean
  }
  augmentation: {
    rotation: {
      chance: number
      degrees: number
    }
    scaling: {
      chance: number
      smallest: number
      largest: number
    }
    elastic: {
      chance: number
      voxels: number
    }
    noise: {
      chance: number
      deviation: number
    }
    blur: {
      chance: number
      perModality: number
      smallestVox: number
      largestVox: number
    }
    brightness: {
      chance: number
      share: number
    }
    contrast: {
      chance: number
      share: number
    }
    lowResolution: {
      chance: number
      perModality: number
      smallest: number
    }
    gamma: {
      chance: number
      inverted: number
      smallest: number
      largest: number
    }
    dropModality: {
      chance: number
    }
    mirror: ("x" | "y" | "z")[]
  } | null
  allStages: boolean
  headBias: number | null
  lesionShare: number
  labelBalance: boolean
  balancedClasses: boolean
  checkpointEverySteps: number
};
export type SegmentOptions = {
  version?: number
  provider?: "auto" | "cuda" | "webgpu" | "cpu" | "openvino" | "wasm"
  missing?: "error" | "template"
  reference?: "t1" | "t1c" | "t2" | "flair" | "pd" | "mra" | "dwi" | "adc" | "any"
};
export type SegmentOutput = {
  provider: string
  labels: {
    name: string
    value: number
    voxels: number
    volumeMl: number
  }[]
  windows: number
  timingsMs: {
    read: number
    preprocess: number
    infer: number
    restore: number
    write: number
  }
  peakBytes: number
  warnings: Warning[]
  quality?: Quality
};
export type Segmentation = {
  model: string
  version: number
  provider: string
  labels: {
    name: string
    value: number
    voxels: number
    volumeMl: number
  }[]
  windows: number
  timingsMs: {
    read: number
    preprocess: number
    infer: number
    restore: number
    write: number
  }
  peakBytes: number
  warnings: Warning[]
  quality?: Quality
  maskUrl: string
};
export type ShareRequest = {
  with: "nobody"
} | {
  with: "project"
  project: string
} | {
  with: "everybody"
};
export type Shared_schema0 = string | number | boolean | null | Shared_schema0[] | { [name: string]: Shared_schema0 };
export type Shared_schema1 = string | number | boolean | null | Shared_schema1[] | { [name: string]: Shared_schema1 };
export type StoredClass = {
  case: string
  class: string
  patient?: string
};
export type StoredFile = {
  case: string
  role: string
  bytes: number
  sha256: string
};
export type StoredPatient = {
  case: string
  patient: string
};
export type Token = {
  id: string
  name: string
  role: "viewer" | "user" | "annotator" | "admin"
  projects: string[]
  createdBy: string
  createdAt: string
  expiresAt: string
  revokedAt?: string
};
export type TokenList = {
  tokens: Token[]
};
export type TokenLogin = {
  token: string
};
export type TokenRequest = {
  name: string
  role: "viewer" | "user" | "annotator" | "admin"
  projects?: string[]
  days?: number
};
export type Version = {
  name: string
  version: string
  commit: string
  deno: string
  onnxruntime: string
  devices: Device[]
  login: "none" | "token" | "oidc"
  protection?: {
    login: "none" | "token" | "oidc"
    insecure: boolean
    listensOn: string
    names: "any" | string[]
    tls: boolean
    publicUrl?: string
  }
};
export type Warning = {
  code: string
  detail: string
};

/** Every call of the API: what goes into its address and its body, and the JSON that it replies. */
export interface Operations {
  "GET /health/live": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: Live;
  };
  "GET /health/startup": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: Health;
  };
  "GET /health/ready": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: Health;
  };
  "GET /version": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: Version;
  };
  "GET /metrics": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
  "GET /v1/models": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: ModelList;
  };
  "POST /v1/models": {
    params: Record<string, never>;
    query: { project?: string };
    body: Blob;
    reply: ModelVersion;
  };
  "POST /v1/models/import": {
    params: Record<string, never>;
    query: { name: string; modalities?: string; labels?: string; classes?: string; features?: string; output?: string; layout?: "channels-last"; configuration?: string; headDim?: number; licence?: string; roi?: string; overlap?: string; placing?: string; blending?: string; mirrored?: string; activation?: string; threshold?: string; paintOrder?: string; postprocessing?: string; unit?: string; spacing?: string; orientation?: string; axes?: string; normalisation?: string; interpolation?: string; alignment?: string; foreground?: string; margin?: string; resize?: string; keepAspect?: string; project?: string };
    body: Blob | {
    files: Blob[]
  };
    reply: ImportedModel;
  };
  "POST /v1/models/inspect": {
    params: Record<string, never>;
    query: { modalities?: string; labels?: string; classes?: string; features?: string; output?: string; layout?: "channels-last"; configuration?: string; headDim?: number; roi?: string; overlap?: string; placing?: string; blending?: string; mirrored?: string; activation?: string; threshold?: string; paintOrder?: string; postprocessing?: string; unit?: string; spacing?: string; orientation?: string; axes?: string; normalisation?: string; interpolation?: string; alignment?: string; foreground?: string; margin?: string; resize?: string; keepAspect?: string };
    body: Blob | {
    files: Blob[]
  };
    reply: Inspection;
  };
  "GET /v1/models/{name}": {
    params: { name: string };
    query: Record<string, never>;
    body: undefined;
    reply: Model;
  };
  "GET /v1/models/{name}/versions/{version}": {
    params: { name: string; version: number };
    query: Record<string, never>;
    body: undefined;
    reply: ModelVersion;
  };
  "GET /v1/models/{name}/versions/{version}/package": {
    params: { name: string; version: number };
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
  "POST /v1/models/{name}/versions/{version}/features": {
    params: { name: string; version: number };
    query: Record<string, never>;
    body: FeatureNames;
    reply: ModelVersion;
  };
  "POST /v1/models/{name}/versions/{version}/approve": {
    params: { name: string; version: number };
    query: Record<string, never>;
    body: Decision;
    reply: ModelVersion;
  };
  "POST /v1/models/{name}/rollback": {
    params: { name: string };
    query: Record<string, never>;
    body: Decision;
    reply: ModelVersion;
  };
  "POST /v1/models/{name}/segment": {
    params: { name: string };
    query: { output?: "labels" | "regions" | "probabilities" | "uncertainty"; quality?: "quick" | "full" };
    body: {
    t1?: Blob
    t1c?: Blob
    t2?: Blob
    flair?: Blob
    pd?: Blob
    mra?: Blob
    dwi?: Blob
    adc?: Blob
    any?: Blob
    options?: SegmentOptions
  };
    reply: Segmentation | Job;
  };
  "POST /v1/models/{name}/classify": {
    params: { name: string };
    query: Record<string, never>;
    body: {
    t1?: Blob
    t1c?: Blob
    t2?: Blob
    flair?: Blob
    pd?: Blob
    mra?: Blob
    dwi?: Blob
    adc?: Blob
    any?: Blob
    options?: InferenceOptions
  };
    reply: Classification | Job;
  };
  "GET /v1/datasets": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: DatasetList;
  };
  "POST /v1/datasets": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: DatasetRequest;
    reply: Dataset;
  };
  "POST /v1/datasets/import": {
    params: Record<string, never>;
    query: { project?: string; name?: string; channels?: string; patientRule?: string; skip?: "errors" };
    body: Blob;
    reply: ImportedDataset;
  };
  "GET /v1/datasets/{id}": {
    params: { id: string };
    query: Record<string, never>;
    body: undefined;
    reply: Dataset;
  };
  "DELETE /v1/datasets/{id}": {
    params: { id: string };
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
  "PUT /v1/datasets/{id}/patients": {
    params: { id: string };
    query: Record<string, never>;
    body: Patients;
    reply: Dataset;
  };
  "POST /v1/datasets/{id}/cases": {
    params: { id: string };
    query: Record<string, never>;
    body: CaseChanges;
    reply: Dataset;
  };
  "PUT /v1/datasets/{id}/cases/{case}": {
    params: { id: string; case: string };
    query: Record<string, never>;
    body: {
    t1?: Blob
    t1c?: Blob
    t2?: Blob
    flair?: Blob
    pd?: Blob
    mra?: Blob
    dwi?: Blob
    adc?: Blob
    any?: Blob
    label?: Blob
    options?: CaseOptions
  };
    reply: DatasetCase;
  };
  "DELETE /v1/datasets/{id}/cases/{case}": {
    params: { id: string; case: string };
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
  "PUT /v1/datasets/{id}/cases/{case}/patient": {
    params: { id: string; case: string };
    query: Record<string, never>;
    body: CasePatient;
    reply: StoredPatient;
  };
  "PUT /v1/datasets/{id}/cases/{case}/label": {
    params: { id: string; case: string };
    query: Record<string, never>;
    body: Blob;
    reply: StoredFile;
  };
  "PUT /v1/datasets/{id}/cases/{case}/class": {
    params: { id: string; case: string };
    query: Record<string, never>;
    body: CaseClass;
    reply: StoredClass;
  };
  "PUT /v1/datasets/{id}/cases/{case}/{modality}": {
    params: { id: string; case: string; modality: string };
    query: Record<string, never>;
    body: Blob;
    reply: StoredFile;
  };
  "POST /v1/finetunes": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: FinetuneRequest;
    reply: Job;
  };
  "POST /v1/finetunes/plan": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: FinetunePlanRequest;
    reply: FinetunePlan;
  };
  "POST /v1/pretrainings": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: PretrainingRequest;
    reply: Job;
  };
  "GET /v1/jobs": {
    params: Record<string, never>;
    query: { kind?: "finetune" | "pretrain" | "segment" | "classify"; state?: "queued" | "running" | "succeeded" | "failed" | "cancelled"; limit?: number; before?: string };
    body: undefined;
    reply: JobList;
  };
  "GET /v1/jobs/{id}": {
    params: { id: string };
    query: Record<string, never>;
    body: undefined;
    reply: Job;
  };
  "GET /v1/jobs/{id}/events": {
    params: { id: string };
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
  "GET /v1/jobs/{id}/report": {
    params: { id: string };
    query: Record<string, never>;
    body: undefined;
    reply: Report;
  };
  "GET /v1/jobs/{id}/mask": {
    params: { id: string };
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
  "POST /v1/jobs/{id}/cancel": {
    params: { id: string };
    query: Record<string, never>;
    body: undefined;
    reply: Job;
  };
  "GET /v1/me": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: Identity;
  };
  "GET /login": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
  "POST /login": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: TokenLogin;
    reply: undefined;
  };
  "GET /login/callback": {
    params: Record<string, never>;
    query: { code?: string; state?: string };
    body: undefined;
    reply: undefined;
  };
  "POST /logout": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
  "GET /v1/tokens": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: TokenList;
  };
  "POST /v1/tokens": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: TokenRequest;
    reply: NewToken;
  };
  "DELETE /v1/tokens/{id}": {
    params: { id: string };
    query: Record<string, never>;
    body: undefined;
    reply: Token;
  };
  "GET /v1/datasets/{id}/access": {
    params: { id: string };
    query: Record<string, never>;
    body: undefined;
    reply: Holders;
  };
  "PUT /v1/datasets/{id}/access": {
    params: { id: string };
    query: Record<string, never>;
    body: ShareRequest;
    reply: Holders;
  };
  "GET /v1/models/{name}/access": {
    params: { name: string };
    query: Record<string, never>;
    body: undefined;
    reply: Holders;
  };
  "PUT /v1/models/{name}/access": {
    params: { name: string };
    query: Record<string, never>;
    body: ShareRequest;
    reply: Holders;
  };
  "GET /v1/projects": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: ProjectList;
  };
  "GET /v1/projects/{name}": {
    params: { name: string };
    query: Record<string, never>;
    body: undefined;
    reply: Project;
  };
  "PUT /v1/projects/{name}": {
    params: { name: string };
    query: Record<string, never>;
    body: ProjectPolicy;
    reply: Project;
  };
  "GET /v1/audit": {
    params: Record<string, never>;
    query: { after?: number; since?: string; until?: string };
    body: undefined;
    reply: undefined;
  };
  "GET /": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
  "GET /page/{module}": {
    params: { module: string };
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
  "GET /openapi.json": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: OpenApi;
  };
  "GET /docs": {
    params: Record<string, never>;
    query: Record<string, never>;
    body: undefined;
    reply: undefined;
  };
}
