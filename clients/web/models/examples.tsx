/** The real clips (of a classifier: pictures) that excite a unit most, and how far their scoring is. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { ModelDetails, UnitExamples } from '../../../src/protocol/models.js';
import { linkTo } from '../app/router.js';
import { clipPart } from '../compare/items.js';
import { SelectField } from '../shared/fields.js';
import { Notice } from '../shared/notice.js';
import { sentenceCase, short } from '../shared/words.js';
import { ExampleCard } from './example-card.js';
import { useExamples } from './use-examples.js';

const SHOWN = 12;

interface ExamplesProps {
  readonly model: ModelDetails;
  readonly unit: number;
  readonly clips: string;
  readonly onClips: (clips: string) => void;
  /** Sets of the server. */
  readonly sets: readonly string[];
}

const nounOf = (found: UnitExamples): string => (found.medium === 'clip' ? 'clips' : 'pictures');

/** How far it is, and the button that lets it go on. */
function Scoring({ found, onScore }: { readonly found: UnitExamples; readonly onScore: () => void }): JSX.Element {
  const { state, scored, total, skipped, source, error } = found;
  const noun = nounOf(found);
  const busy = state === 'scoring' || state === 'waiting';
  const left = skipped.length === 0 ? '' : `; ${skipped.length} cannot be scored`;
  return (
    <>
      <p class="quiet" role="status">
        {state === 'waiting' && 'Waiting for another set. '}
        {scored} of {total} {noun} scored ({source}){left}
      </p>
      {busy && (
        <progress class="examples-progress" max={Math.max(1, total)} value={scored} aria-label={`Scored ${noun}`} />
      )}
      {error !== null && <Notice error={{ message: error, remedy: 'Mend it, then score again.' }} />}
      {(state === 'incomplete' || state === 'failed') && (
        <p>
          <button type="button" class="primary" onClick={onScore}>
            Score {scored === 0 ? `the ${total}` : `the other ${total - scored}`} {noun}
          </button>
        </p>
      )}
    </>
  );
}

function Reference({ found: { reference, unit } }: { readonly found: UnitExamples }): JSX.Element | null {
  if (reference === null) return null;
  const { activations } = reference;
  const mean = activations.reduce((sum, one) => sum + one, 0) / activations.length;
  return (
    <p class="quiet">
      The package tells of {activations.length} clips of {unit.label}: activation {short(mean)} on average,{' '}
      {short(Math.max(...activations))} at most ({reference.clips}).
    </p>
  );
}

function Cards({ found, clips }: { readonly found: UnitExamples; readonly clips: string }): JSX.Element {
  const playing = useSignal<ReadonlySet<string>>(new Set());
  const { examples, model, unit } = found;
  const isClip = found.medium === 'clip';
  const all = examples.every(({ id }) => playing.value.has(id));
  const toggle = (id: string): void => {
    const next = new Set(playing.value);
    if (!next.delete(id)) next.add(id);
    playing.value = next;
  };
  const best = examples[0]!;
  return (
    <>
      {isClip && (
        <div class="actions">
          <button
            type="button"
            aria-pressed={all}
            onClick={() => (playing.value = new Set(all ? [] : examples.map(({ id }) => id)))}
          >
            {all ? 'Hold all' : 'Play all'}
          </button>
          <a class="button" href={linkTo('compare', [clipPart({ model, id: best.id, clips, unit: unit.index })])}>
            Compare the first
          </a>
        </div>
      )}
      <ol class="examples" aria-label={`Real ${nounOf(found)} by activation of ${unit.label}`}>
        {examples.map((example, index) => (
          <ExampleCard
            key={example.id}
            {...{ model, clips, example, isClip, rank: index + 1, playing: isClip && playing.value.has(example.id) }}
            onToggle={() => toggle(example.id)}
          />
        ))}
      </ol>
    </>
  );
}

function Sets({ model, clips, onClips, sets }: Omit<ExamplesProps, 'unit'>): JSX.Element {
  const own: readonly [string, string][] =
    model.kind === 'classifier'
      ? [['', 'choose a set']]
      : [['', model.ownClips === true ? 'those that the model brings' : 'choose a set']];
  return (
    <div class="form">
      <SelectField
        label={model.kind === 'classifier' ? 'Pictures' : 'Clips'}
        value={clips}
        options={[...own, ...sets]}
        onValue={onClips}
      />
    </div>
  );
}

export function Examples({ model, unit, clips, onClips, sets }: ExamplesProps): JSX.Element {
  const askable = clips !== '' || model.ownClips === true;
  const asked = useExamples(askable ? { model: model.name, clips, unit, limit: SHOWN } : null);
  const { found, failure } = asked;
  const noun = model.kind === 'classifier' ? 'pictures' : 'clips';
  return (
    <section aria-labelledby="examples-title">
      <h3 id="examples-title">
        Real {noun} that excite {sentenceCase(model.labels[unit] ?? '')} most
      </h3>
      <Sets {...{ model, clips, onClips, sets }} />
      {!askable && sets.length === 0 && (
        <p class="quiet">
          {model.name} brings no {noun}, and the server has no set of them. Start it with NEUROREEL_CLIPS=FOLDER, a
          folder with a folder for each set, in which each class has a folder.
        </p>
      )}
      {failure !== null && <Notice error={failure} />}
      {askable && found === null && failure === null && <p class="quiet">Loading</p>}
      {found !== null && <Scoring found={found} onScore={() => void asked.score()} />}
      {found !== null && found.examples.length > 0 && (
        <Cards key={`${model.name} ${unit} ${clips}`} found={found} clips={clips} />
      )}
      {found !== null && <Reference found={found} />}
    </section>
  );
}
