/** The recogniser that uses time: all twelve labels of the figures. */
import { lrcnRecipe } from '../figures/lrcn-recipe.js';

export default lrcnRecipe({
  name: 'figures-lrcn',
  title: 'Activities of a drawn figure, 12 classes, conv + LSTM',
  describe:
    'A small LRCN (5 convolutions, fc6, LSTM of 96 cells) trained on 16-frame clips of the data set figures. Eight of its classes are four pairs whose clips hold the same frames in opposite orders.',
  seed: 1,
  steps: 700,
  merged: false,
  defaultUnit: 'walk_left',
});
