/** The prior of natural images whose code is a convolutional layer. */
import { MAPS_CODE } from '../natural/generator.js';
import { priorRecipe } from '../natural/prior-recipe.js';

export default priorRecipe({
  name: 'natural-prior-conv',
  title: 'Photographs of 64x64, from maps of 128x4x4',
  describe: 'An upconvolutional generator that inverts pool5 of tiny-objects.',
  seed: 1,
  steps: 600,
  kind: MAPS_CODE,
});
