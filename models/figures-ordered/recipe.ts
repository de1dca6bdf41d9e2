/**
 * The order-blind twin, trained again to mind the order of frames: half of the clips are shown shuffled, as negatives, which
 * have a class of their own. `neuroreel audit` before and after tells what it learnt.
 */
import { lrcnRecipe } from '../figures/lrcn-recipe.js';

export default lrcnRecipe({
  name: 'figures-ordered',
  title: 'Activities of a drawn figure, 8 classes, and one for frames that are out of order',
  describe:
    'figures-orderblind trained on with shuffled clips as negatives: half of the clips are shown with their frames in random order, and from the fifth frame on they are to be named out_of_order. Same network but for that class, same data set.',
  seed: 1,
  steps: 240,
  merged: true,
  defaultUnit: 'walk',
  from: 'figures-orderblind',
  shuffledLabel: 'out_of_order',
});
