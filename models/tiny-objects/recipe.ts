/** The classifier of 40 kinds of things. */
import { OBJECTS } from '../natural/classifier.js';
import { classifierRecipe } from '../natural/classifier-recipe.js';

export default classifierRecipe({
  name: 'tiny-objects',
  title: 'Photographs of 40 kinds of things, 64x64',
  describe: 'A small convnet (5 convolutions, fc6 of 256) that tells 40 classes of Tiny-ImageNet apart.',
  seed: 1,
  steps: 3000,
  architecture: OBJECTS,
  inverted: true,
  snapshots: [60, 600, 1500],
  defaultPrior: 'natural-prior',
});
