/** The real clips or pictures that excite a unit most, kept fresh while they are being scored. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { UnitExamples } from '../../../src/protocol/models.js';
import { call } from '../shared/api.js';
import { failureOf, reportFailure, type Failure } from '../shared/trouble.js';

const EVERY_MS = 1500;

export interface ExamplesQuestion {
  readonly model: string;
  /** A set of the server; empty for the model's own clips. */
  readonly clips: string;
  readonly unit: number;
  readonly limit: number;
}

export interface Examples {
  readonly found: UnitExamples | null;
  readonly failure: Failure | null;
  /** Has the set scored. */
  readonly score: () => Promise<void>;
}

export const examplesPath = (model: string): string => `v1/models/${encodeURIComponent(model)}/examples`;

/** The address of a file of an example. */
export function exampleFile(model: string, clips: string, id: string, file: string): string {
  const query = clips === '' ? '' : `?${new URLSearchParams({ clips }).toString()}`;
  return `${examplesPath(model)}/${id}/${file}${query}`;
}

/** @param asked null: nothing is asked */
export function useExamples(asked: ExamplesQuestion | null): Examples {
  const found = useSignal<UnitExamples | null>(null);
  const failure = useSignal<Failure | null>(null);
  const turn = useSignal(0);
  const key = JSON.stringify(asked);
  useEffect(() => {
    if (asked === null) return undefined;
    const { model, clips, unit, limit } = asked;
    const query = new URLSearchParams({
      unit: String(unit),
      limit: String(limit),
      ...(clips !== '' && { clips }),
    });
    let timer = 0;
    let wanted = true;
    const look = async (): Promise<void> => {
      try {
        const answer = await call<UnitExamples>('GET', `${examplesPath(model)}?${query.toString()}`);
        if (!wanted) return;
        found.value = answer;
        failure.value = null;
        if (answer.state === 'scoring' || answer.state === 'waiting')
          timer = window.setTimeout(() => void look(), EVERY_MS);
      } catch (error) {
        if (!wanted) return;
        found.value = null;
        failure.value = failureOf(error);
        reportFailure(error, { shownInPlace: true });
      }
    };
    void look();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [key, turn.value]);
  const score = async (): Promise<void> => {
    if (asked === null) return;
    try {
      await call('POST', examplesPath(asked.model), asked.clips === '' ? {} : { clips: asked.clips });
      turn.value++;
    } catch (error) {
      failure.value = failureOf(error);
      reportFailure(error, { shownInPlace: true });
    }
  };
  const fits = found.value !== null && asked !== null && found.value.model === asked.model && found.value.unit.index === asked.unit; // prettier-ignore
  return { found: fits ? found.value : null, failure: failure.value, score };
}
