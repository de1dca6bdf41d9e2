/** Entry of the thread that reads a model package, every hash of it, and describes its layers. */
import { basename } from 'node:path';
import { modelLayersOf, packageFacts } from '../../engine/analysis/inspect.js';
import { readPackage } from '../../engine/models/package.js';
import { NeuroreelError, type ModelLayers } from '../../protocol/index.js';
import { answer } from './thread.js';

void answer((directory: string): ModelLayers => {
  try {
    const model = readPackage(directory);
    return modelLayersOf(packageFacts(model), model.graphs);
  } catch (error) {
    if (!(error instanceof NeuroreelError)) throw error;
    // Clients are told of the package, not of where it is.
    throw new NeuroreelError(error.code, error.message.replaceAll(directory, basename(directory)), { cause: error });
  }
});
