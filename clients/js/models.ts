/** What a server has to work with: models and sets of clips. */
import type { ModelDetails, ModelLayers, UnitExamples } from '../../src/protocol/index.js';
import { queryOf, type Http } from './http.js';
import type { ExamplesFilter, ModelSummary } from './types.js';

const modelPath = (name: string, rest = ''): string => `/v1/models/${encodeURIComponent(name)}${rest}`;

export class Models {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Installed models, with their labels. */
  async list(): Promise<ModelSummary[]> {
    return (await this.#http.json<{ models: ModelSummary[] }>('GET', '/v1/models')).models;
  }

  /** One model, with what its manifest says. @throws {ClientError} MODEL_UNKNOWN */
  get(name: string): Promise<ModelDetails> {
    return this.#http.json('GET', modelPath(name));
  }

  /** Its layers: shapes, weights, multiply-accumulates, receptive fields. */
  layers(name: string): Promise<ModelLayers> {
    return this.#http.json('GET', modelPath(name, '/layers'));
  }

  /** The real clips (of a classifier: pictures) that excite a unit most, of those that are scored. */
  examples(name: string, filter: ExamplesFilter = {}): Promise<UnitExamples> {
    return this.#http.json('GET', modelPath(name, `/examples${queryOf({ ...filter })}`));
  }

  /** Has a set of real clips scored (those that the model brings when absent); `examples` tells how far that is. */
  score(name: string, clips?: string): Promise<UnitExamples> {
    return this.#http.json('POST', modelPath(name, '/examples'), { body: clips === undefined ? {} : { clips } });
  }

  /** Address of a scored example to look at: a small `picture.webp`, and of a clip also `clip.mp4`. */
  exampleAddress(name: string, example: string, file: 'picture.webp' | 'clip.mp4', clips?: string): string {
    const path = modelPath(name, `/examples/${encodeURIComponent(example)}/${file}`);
    return this.#http.address(`${path}${queryOf({ clips })}`).href;
  }

  /** Removes a model that was uploaded. */
  async delete(name: string): Promise<void> {
    await this.#http.call('DELETE', modelPath(name));
  }

  /** Names of the sets of clips that audits can be run on, besides those that models bring. */
  async clips(): Promise<string[]> {
    return (await this.#http.json<{ clips: string[] }>('GET', '/v1/clips')).clips;
  }
}
