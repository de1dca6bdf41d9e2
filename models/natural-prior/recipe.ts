/** The prior of natural images whose code is a vector. */
import { VECTOR_CODE } from '../natural/generator.js';
import { priorRecipe } from '../natural/prior-recipe.js';

export default priorRecipe({
  name: 'natural-prior',
  title: 'Photographs of 64x64, from codes of 256 numbers',
  describe: 'An upconvolutional generator that inverts fc6 of tiny-objects.',
  seed: 1,
  steps: 1400,
  kind: VECTOR_CODE,
});
