/** A second classifier of the same classes, of another architecture: a judge that took no part. */
import { SECOND } from '../natural/classifier.js';
import { classifierRecipe } from '../natural/classifier-recipe.js';

export default classifierRecipe({
  name: 'tiny-objects-2',
  title: 'Photographs of 40 kinds of things, 64x64, a second opinion',
  describe:
    'A convnet of another shape and seed (3 convolutions, fc6 of 192) that tells the 40 classes of tiny-objects apart.',
  seed: 2,
  steps: 1500,
  architecture: SECOND,
  inverted: false,
  defaultPrior: 'natural-prior',
});
