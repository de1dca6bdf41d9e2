/** What a server has to work with: models and sets of clips. */
import type { ModelSummary } from '../../src/protocol/index.js';
import type { Http } from './http.js';

export class Models {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Installed models, with their labels. */
  async list(): Promise<ModelSummary[]> {
    return (await this.#http.json<{ models: ModelSummary[] }>('GET', '/v1/models')).models;
  }

  /** One model. @throws {ClientError} MODEL_UNKNOWN */
  get(name: string): Promise<ModelSummary> {
    return this.#http.json('GET', `/v1/models/${encodeURIComponent(name)}`);
  }

  /** Removes a model that was uploaded. */
  async delete(name: string): Promise<void> {
    await this.#http.call('DELETE', `/v1/models/${encodeURIComponent(name)}`);
  }

  /** Names of the sets of clips that audits can be run on, besides those that models bring. */
  async clips(): Promise<string[]> {
    return (await this.#http.json<{ clips: string[] }>('GET', '/v1/clips')).clips;
  }
}
