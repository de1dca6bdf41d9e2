/** What the recipes of the priors share. */
import type { Recipe } from '../../src/engine/training/recipe.js';
import type { CodeKind } from './generator.js';
import { priorPackage } from './prior-package.js';
import { RIVAL, priorTask, psnr } from './prior.js';

export interface PriorRecipe {
  readonly name: string;
  readonly title: string;
  readonly describe: string;
  readonly seed: number;
  readonly steps: number;
  readonly kind: CodeKind;
}

const BATCH = 32;
const CLASSIFIER = 'tiny-objects';
/** What was trained with the classifier, to begin with. */
const DECODER = 'tiny-objects-decoder';

/** A recipe for a prior. */
export function priorRecipe({ name, title, describe, seed, steps, kind }: PriorRecipe): Recipe {
  return {
    ...{ name, describe, seed, steps, needs: [CLASSIFIER, DECODER] },
    task: ({ seed: used, steps: count, weightsOf }) =>
      priorTask({
        ...{ seed: used, steps: count, batch: BATCH, kind },
        ...{ classifier: weightsOf(CLASSIFIER), start: weightsOf(DECODER) },
      }),
    watch: ({ watch }) => ({
      psnr: psnr(watch['squared']![0]!),
      features: watch['features']![0]!,
      rival: watch['rivalLoss']![0]!,
    }),
    pack(weights, context) {
      const generator = new Map([...weights].filter(([key]) => !key.startsWith(RIVAL)));
      return priorPackage({ title, describe }, { generator, classifier: context.weightsOf(CLASSIFIER), kind }, context);
    },
  };
}
