/** The prior of natural images whose code is a vector. */
import { VECTOR_CODE } from '../natural/prior.js';
import { priorRecipe } from '../natural/prior-recipe.js';

export default priorRecipe({
  name: 'natural-prior',
  title: 'Photographs of 64x64, from codes of 256 numbers',
  describe: 'An upconvolutional generator that inverts a vector code on the convolutions of tiny-objects.',
  seed: 1,
  steps: 2200,
  kind: VECTOR_CODE,
  layer: 'a rectified linear map of pool5 of tiny-objects',
});
