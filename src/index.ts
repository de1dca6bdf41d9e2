/**
 * neuroreel as a library. Three ways in, from the outside to the inside:
 *
 * - `createServer(config)` runs the service; `neuroreel/protocol` alone is what its clients need, in browsers too.
 * - `openSynthesis(options)` makes a preferred video, or preferred pictures of a classifier, step by step;
 *   `audit(options)` audits recognisers, `train(task, options)` trains a network: the engine without HTTP, jobs and files of
 *   jobs.
 * - `GraphBuilder`, the runtimes and model packages: what those are made of.
 */

// The contract: requests, events, manifests, reports, the frame header, errors.
export * from './protocol/index.js';

// The service.
export * from './server/index.js';

// Model packages, and models in the formats of others.
export { ModelRegistry, unitIndex } from './engine/models/registry.js';
export { readPackage, writePackage, type ModelPackage, type NewPackage } from './engine/models/package.js';
export type { RecogniserPackage } from './engine/models/recogniser.js';
export {
  scorePictures,
  type ClassifierPackage,
  type LayerPlace,
  type PictureScores,
} from './engine/models/classifier.js';
export type { NamedTensor, Weights } from './engine/models/safetensors.js';
export { VideoScorer, type VideoScore } from './engine/models/scoring.js';
export { importModel, readModel, type ImportOptions } from './engine/formats/import.js';
export type { ImportedModel, ReadOptions } from './engine/formats/format.js';
export { readCaffeNet, type CaffeNet } from './engine/formats/caffe/format.js';

// Preferred videos and pictures.
export { openSynthesis, type Synthesis, type SynthesisOptions } from './engine/synthesis/synthesise.js';
export type { SynthesisCheckpoint, SynthesisProgress, SynthesisResult } from './engine/synthesis/types.js';
export type { AdamSettings, PaperSettings, Settings } from './engine/synthesis/presets.js';

// Audits.
export { audit, type AuditedModel, type AuditOptions, type AuditProgress } from './engine/audit/audit.js';
export type { AuditClip, ClipFrames, ClipWish, UnusableClip } from './engine/audit/clip-source.js';
export { RecogniserScorer } from './engine/audit/recogniser-scorer.js';
export type { ClipScorer } from './engine/audit/scorer.js';

// Training.
export { train, type TrainingOptions, type TrainingProgress, type TrainingTask } from './engine/training/trainer.js';
export { heSpread, trained, type Parameters } from './engine/training/parameters.js';
export type { Recipe, RecipeContext } from './engine/training/recipe.js';

// Graphs, gradients, runtimes.
export { GraphBuilder, type Graph, type TensorType, type Value } from './engine/graph/graph.js';
export { gradients } from './engine/autodiff/gradients.js';
export {
  describeLayers,
  describeModel,
  type GraphFacts,
  type LayerFacts,
  type ModelFacts,
} from './engine/analysis/layers.js';
export { receptiveField, type ReceptiveField, type UnitPlace } from './engine/analysis/receptive-field.js';
export { DEVICES, openRuntime, RUNTIMES } from './engine/runtimes/open.js';
export type { CompiledGraph, CompileOptions, Runtime, TensorData, Tensors } from './engine/runtimes/runtime.js';
export { Random, type RandomState } from './engine/random.js';

// Videos and pictures in and out.
export * from './video/index.js';
