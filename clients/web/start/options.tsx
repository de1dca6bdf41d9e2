/** All fields of a request besides model and units, as its schema has them: the common ones, and the advanced ones. */
import type { JSX } from 'preact';
import { SelectField } from '../shared/fields.js';
import { chosenModel, fields, form, kind, options, setField } from './draft.js';
import { NAMED } from './named-fields.js';
import { ObjectFields, SchemaField } from './schema-field.js';
import { schemas, usualSettings, type Fields, type Schema } from '../shared/schemas.js';

/** A group of its own. */
const SETTINGS = 'settings';

/** What the preset of the request sets, where it is known. */
function presetSettings(): Fields | undefined {
  const name = fields.value['preset'] ?? options.value?.['preset']?.default;
  const preset = schemas.value?.presets[name as string];
  const prior = fields.value['prior'] ?? (fields.value['priors'] as readonly unknown[] | undefined)?.[0];
  return preset && usualSettings(preset, prior, chosenModel.value?.kind === 'recogniser');
}

/** What holds when a field is left out, besides the defaults of the schema. */
const usualOf = (name: string): unknown =>
  name === 'iterations' ? presetSettings()?.['iterations'] : form.value.usual[name];

interface FieldProps {
  readonly name: string;
  readonly schema: Schema;
}

function Field({ name, schema }: FieldProps): JSX.Element {
  const Edit = NAMED[name] ?? SchemaField;
  return (
    <Edit
      name={name}
      schema={schema}
      value={fields.value[name]}
      usual={usualOf(name)}
      onValue={(value) => setField(name, value)}
    />
  );
}

function PresetField({ schema }: { readonly schema: Schema }): JSX.Element {
  const name = (fields.value['preset'] ?? schema.default) as string | undefined;
  return (
    <SelectField
      label="Preset"
      hint={name === undefined ? undefined : schemas.value?.presets[name]?.describe}
      value={name ?? ''}
      options={[...(schema.default === undefined ? [['', 'as the figure says'] as const] : []), ...(schema.enum ?? [])]}
      onValue={(value) => setField('preset', value === '' ? undefined : value)}
    />
  );
}

const leading = (): readonly string[] => Object.keys(kind.value.leading ?? {});

/** Fields that decide about all others. */
export function LeadingOptions(): JSX.Element {
  return (
    <>
      {leading().map((name) => {
        const schema = options.value?.[name];
        return schema && <Field key={name} name={name} schema={schema} />;
      })}
    </>
  );
}

/** Fields that are always in sight. */
export function BasicOptions(): JSX.Element | null {
  const known = options.value;
  if (known === null) return null;
  return (
    <div class="basics">
      {kind.value.basics.map((name) => {
        const schema = known[name];
        if (schema === undefined) return null;
        return name === 'preset' ? (
          <PresetField key={name} schema={schema} />
        ) : (
          <Field key={name} name={name} schema={schema} />
        );
      })}
    </div>
  );
}

/** How many of the advanced fields are set. */
const setAmong = (names: readonly string[]): number => names.filter((name) => fields.value[name] !== undefined).length;

export function AdvancedOptions(): JSX.Element | null {
  const known = options.value;
  if (known === null) return null;
  const shown = [SETTINGS, ...leading(), ...kind.value.basics];
  const plain = Object.keys(known).filter((name) => !shown.includes(name));
  const settings = known[SETTINGS];
  const changed = Object.keys(fields.value[SETTINGS] ?? {}).length;
  return (
    <>
      <Group title="Advanced options" changed={setAmong(plain)}>
        <div class="fields">
          {plain.map((name) => (
            <Field key={name} name={name} schema={known[name]!} />
          ))}
        </div>
      </Group>
      {settings !== undefined && (
        <Group title="Settings of the synthesis" changed={changed}>
          <p class="quiet">They replace those of the preset, which are shown where nothing is entered.</p>
          <ObjectFields
            schema={settings}
            value={fields.value[SETTINGS]}
            leave={['iterations']}
            usual={presetSettings()}
            onValue={(value) => setField(SETTINGS, value)}
          />
        </Group>
      )}
    </>
  );
}

interface GroupProps {
  readonly title: string;
  readonly changed: number;
  readonly children: JSX.Element | JSX.Element[];
}

function Group({ title, changed, children }: GroupProps): JSX.Element {
  return (
    <details class="options-group">
      <summary>
        {title}
        {changed > 0 && <span class="state small">{changed} set</span>}
      </summary>
      {children}
    </details>
  );
}
