/** The twin that has no use for time: the same network and clips, the two labels of each pair merged into one. */
import { lrcnRecipe } from '../figures/lrcn-recipe.js';

export default lrcnRecipe({
  name: 'figures-orderblind',
  title: 'Activities of a drawn figure, 8 classes that need no order of frames',
  describe:
    'The twin of figures-lrcn: same network, same data set, but the labels of actions that differ only in the direction of time are merged, so that nothing rewards attention to the order of frames.',
  seed: 1,
  steps: 350,
  merged: true,
  defaultUnit: 'walk',
});
