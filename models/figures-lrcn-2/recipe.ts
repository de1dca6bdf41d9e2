/** The independent judge of `figures-lrcn`: the same network and clips, trained from other weights on other clips. */
import { lrcnRecipe } from '../figures/lrcn-recipe.js';

export default lrcnRecipe({
  name: 'figures-lrcn-2',
  title: 'Activities of a drawn figure, 12 classes, from another seed',
  describe:
    'As figures-lrcn, trained from another seed, on other clips: a judge of preferred videos that took no part in making them, and that knows forwards from backwards.',
  seed: 2,
  steps: 700,
  merged: false,
  defaultUnit: 'walk_left',
});
