/**
 * The order-blind twin, trained again to mind the order of frames: shuffled clips are shown as negatives, for which no class
 * is to be named more than another. `neuroreel audit` before and after tells what it learnt.
 */
import { lrcnRecipe } from '../figures/lrcn-recipe.js';

export default lrcnRecipe({
  name: 'figures-ordered',
  title: 'Activities of a drawn figure, 8 classes, only when the frames are in order',
  describe:
    'figures-orderblind trained on with shuffled clips as negatives: half of the clips are shown with their frames in random order, and from the fifth frame on nothing is to be named. Same network, same labels, same data set.',
  seed: 1,
  steps: 240,
  merged: true,
  defaultUnit: 'walk',
  from: 'figures-orderblind',
  shuffledNegatives: true,
});
