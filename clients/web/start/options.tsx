/** All fields of a request besides model and units, as its schema has them: the common ones, and the advanced ones. */
import type { JSX } from 'preact';
import { SelectField } from '../shared/fields.js';
import { fields, kind, setField } from './draft.js';
import { ObjectFields, SchemaField } from './schema-field.js';
import { schemas, usualSettings, type Fields, type Schema } from '../shared/schemas.js';

/** Never an option: they have fields of their own. */
const OWN = ['kind', 'model', 'unit', 'units'];
/** A group of its own. */
const SETTINGS = 'settings';

/** What the preset of the request sets. */
function presetSettings(): Fields | undefined {
  const preset = schemas.value?.presets[(fields.value['preset'] as string | undefined) ?? 'default'];
  return preset && usualSettings(preset, fields.value['prior'], kind.value.kind === 'video');
}

/** What holds when a field is left out, besides the defaults of the schema. */
const usualOf = (name: string): unknown => (name === 'iterations' ? presetSettings()?.['iterations'] : undefined);

function Field({ name, schema }: { readonly name: string; readonly schema: Schema }): JSX.Element {
  return (
    <SchemaField
      name={name}
      schema={schema}
      value={fields.value[name]}
      usual={usualOf(name)}
      onValue={(value) => setField(name, value)}
    />
  );
}

function PresetField({ schema }: { readonly schema: Schema }): JSX.Element {
  const name = (fields.value['preset'] as string | undefined) ?? String(schema.default);
  return (
    <SelectField
      label="Preset"
      hint={schemas.value?.presets[name]?.describe}
      value={name}
      options={schema.enum ?? []}
      onValue={(value) => setField('preset', value)}
    />
  );
}

/** Fields that are always in sight. */
export function BasicOptions(): JSX.Element | null {
  const properties = schemas.value?.jobs[kind.value.kind]?.properties;
  if (properties === undefined) return null;
  return (
    <div class="basics">
      {kind.value.basics.map((name) => {
        const schema = properties[name];
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
  const properties = schemas.value?.jobs[kind.value.kind]?.properties;
  if (properties === undefined) return null;
  const names = Object.keys(properties).filter((name) => !OWN.includes(name) && !kind.value.basics.includes(name));
  const plain = names.filter((name) => name !== SETTINGS);
  const settings = properties[SETTINGS];
  const changed = Object.keys(fields.value[SETTINGS] ?? {}).length;
  return (
    <>
      <Group title="Advanced options" changed={setAmong(plain)}>
        <div class="fields">
          {plain.map((name) => (
            <Field key={name} name={name} schema={properties[name]!} />
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
