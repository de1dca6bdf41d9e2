/** Entry of the process that scores real examples: forward passes over a set, what is known already left out. */
import { inOrder } from '../../engine/audit/permutations.js';
import { RecogniserScorer } from '../../engine/audit/recogniser-scorer.js';
import { readPackage, type ModelPackage } from '../../engine/models/package.js';
import { isClassifier } from '../../engine/models/registry.js';
import { openRuntime } from '../../engine/runtimes/open.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import { asNeuroreelError, NeuroreelError, type ErrorCode } from '../../protocol/index.js';
import type { FrameSequence } from '../../video/index.js';
import { onTask } from '../worker/task.js';
import type { EvaluatedModel } from '../evaluation/examples.js';
import { openViewer, type Viewer } from '../evaluation/scoring.js';
import type { ScoringMessage, ScoringStart } from './contract.js';
import { listMaterial, type Material } from './material.js';
import { ScoreFile, type KnownScore } from './score-file.js';

/** One thread computes, so that jobs and viewers keep the rest of the machine. */
const THREADS = 1;

type Tell = (message: ScoringMessage) => void;

/** Opened when the first example needs it. */
class Network {
  readonly #open: () => Promise<Scorer>;
  #scorer: Promise<Scorer> | null = null;

  constructor(model: EvaluatedModel, { runtime, device }: ScoringStart) {
    this.#open = async () => scorerOf(model, await openRuntime(runtime, device));
  }

  /** @throws {NeuroreelError} SCORES_INVALID, and what opening throws */
  async score({ name }: Material, clip: FrameSequence): Promise<Omit<KnownScore, 'id'>> {
    this.#scorer ??= this.#open();
    const { logits, probabilities } = await (await this.#scorer).score(clip);
    if (!logits.every(Number.isFinite)) {
      throw new NeuroreelError('SCORES_INVALID', `The scores of ${name} are not all finite numbers.`);
    }
    const answer = probabilities.reduce((best, p, i) => (p > probabilities[best]! ? i : best), 0);
    return { frames: clip.count, activations: Float32Array.from(logits), answer };
  }

  async close(): Promise<void> {
    await (await this.#scorer)?.close();
  }
}

type Scorer = Pick<Viewer, 'score' | 'close'>;

/** Whole clips in their own order; frames go through the network some at a time, so that memory holds. */
async function scorerOf(model: EvaluatedModel, runtime: Runtime): Promise<Scorer> {
  if (isClassifier(model)) return openViewer(model, runtime, THREADS);
  const scorer = new RecogniserScorer(model, runtime, { threads: THREADS });
  return {
    async score({ frames, count }) {
      return scorer.scores(await scorer.features(frames), count, [inOrder(count)]);
    },
    close: () => scorer.close(),
  };
}

function hasUnits(model: ModelPackage): model is EvaluatedModel {
  return model.manifest.kind !== 'prior';
}

async function run(start: ScoringStart, tell: Tell): Promise<void> {
  const model = readPackage(start.directory);
  if (!hasUnits(model))
    throw new NeuroreelError('MODEL_UNKNOWN', `${model.manifest.name} is a prior: it has no units.`);
  const known = await ScoreFile.open(start.scores, model.manifest.labels.length);
  const material = await listMaterial(model.manifest, start.source, start);
  const { reference } = model;
  tell({
    ...{ type: 'listed', total: material.length },
    reference: reference && { clips: reference.clips, activations: reference.activations },
  });
  const network = new Network(model, start);
  for (const one of material) await scoreOne(one, { known, network, score: start.score, tell });
  await network.close();
  tell({ type: 'done' });
}

interface Parts {
  readonly known: ScoreFile;
  readonly network: Network;
  readonly score: boolean;
  readonly tell: Tell;
}

async function scoreOne(one: Material, { known, network, score, tell }: Parts): Promise<void> {
  const { name, label } = one;
  const stamp = await one.stamp();
  const sure = stamp === null ? null : known.byStamp(stamp);
  if (sure !== null) {
    tell({ type: 'scored', example: { name, label, ...sure } });
    return;
  }
  const id = await one.hash();
  if (id === null) {
    tell({ type: 'skipped', name, reason: 'it cannot be read' });
    return;
  }
  const found = known.byId(id);
  if (found === null && !score) return;
  try {
    const scored = found ?? { id, ...(await network.score(one, await one.read())) };
    if (found === null || stamp !== null) await known.add(scored, stamp);
    tell({ type: 'scored', example: { name, label, ...scored } });
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    tell({ type: 'skipped', name, reason });
  }
}

/** What is wrong with an example alone, so that the others can go on; messages of errors name paths of this machine. */
const REASONS: Partial<Record<ErrorCode, string>> = {
  VIDEO_UNREADABLE: 'it cannot be decoded as a video',
  VIDEO_TOO_LARGE: 'its frames need too much memory',
  IMAGE_UNREADABLE: 'it cannot be decoded as a picture',
  SCORES_INVALID: 'its scores are not all finite numbers',
};

const reasonOf = (error: unknown): string | undefined =>
  error instanceof NeuroreelError ? REASONS[error.code] : undefined;

onTask<ScoringStart, ScoringMessage>(async (start, tell) => {
  try {
    await run(start, tell);
  } catch (error) {
    const { code, message } = asNeuroreelError(error);
    tell({ type: 'failed', code, message });
  }
});
