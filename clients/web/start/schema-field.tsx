/** Fields of a form, made from the JSON Schema of a request. A value that is undefined is left out of the request. */
import type { FunctionComponent, JSX } from 'preact';
import { useId } from 'preact/hooks';
import { SelectField } from '../shared/fields.js';
import { Labelled } from '../shared/labelled.js';
import { Marked } from '../shared/marked.js';
import { FileField, JsonField, NumberEntry, TextEntry } from './entries.js';
import type { Fields, Schema } from '../shared/schemas.js';
import { VariantField } from './variant-field.js';

export interface SchemaFieldProps {
  /** Name of the field in the request. */
  readonly name: string;
  readonly schema: Schema;
  readonly value: unknown;
  readonly onValue: (value: unknown) => void;
  /** What holds when it is left out, where that is known. */
  readonly usual?: unknown;
  /** By variant, what it is when the request says no more. */
  readonly variants?: Readonly<Record<string, Fields>>;
}

/** `keyframeEvery` -> `Keyframe every` */
export function words(name: string): string {
  const text = name.replaceAll(
    /([a-z0-9])([A-Z])/g,
    (_, before: string, letter: string) => `${before} ${letter.toLowerCase()}`,
  );
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const isScalar = ({ type, anyOf }: Schema): boolean =>
  type === 'string' || type === 'integer' || type === 'number' || (anyOf?.every(isScalar) ?? false);

/** A text that is a whole number is meant as one, where the schema takes either. */
function scalarOf(text: string, { type, anyOf }: Schema): string | number {
  const mayBeNumber = type !== 'string' && (anyOf === undefined || anyOf.some((one) => one.type !== 'string'));
  return mayBeNumber && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

const shown = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;

function EnumField({ name, schema, value, onValue, usual }: SchemaFieldProps): JSX.Element {
  const asIs = shown(usual ?? schema.default);
  return (
    <SelectField
      label={words(name)}
      hint={schema.description}
      value={shown(value) ?? ''}
      options={[['', asIs === undefined ? 'as it comes' : `${asIs} (as it comes)`] as const, ...(schema.enum ?? [])]}
      onValue={(text) => onValue(text === '' ? undefined : text)}
    />
  );
}

function BooleanField({ name, schema, value, onValue }: SchemaFieldProps): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label class="check">
        <input
          type="checkbox"
          aria-describedby={id}
          checked={value === true}
          onChange={({ currentTarget: { checked } }) => onValue(checked ? true : undefined)}
        />
        {words(name)}
      </label>
      <small id={id}>{schema.description}</small>
    </div>
  );
}

function NumberField({ name, schema, value, onValue, usual }: SchemaFieldProps): JSX.Element {
  const placeholder = shown(usual ?? schema.default);
  return (
    <Labelled
      label={words(name)}
      hint={schema.description}
      control={(ties) => (
        <NumberEntry ties={ties} schema={schema} value={value} onValue={onValue} placeholder={placeholder} />
      )}
    />
  );
}

function TextField({ name, schema, value, onValue, usual }: SchemaFieldProps): JSX.Element {
  const onText = (text: string): void => onValue(text === '' ? undefined : scalarOf(text, schema));
  const placeholder = shown(usual ?? schema.default);
  return (
    <Labelled
      label={words(name)}
      hint={schema.description}
      control={(ties) => <TextEntry ties={ties} text={shown(value) ?? ''} onText={onText} placeholder={placeholder} />}
    />
  );
}

function ListField({ name, schema, value, onValue }: SchemaFieldProps): JSX.Element {
  const item = schema.items as Schema;
  const onText = (text: string): void => {
    const parts = text.split(',').map((part) => part.trim());
    const list = parts.filter((part) => part !== '').map((part) => scalarOf(part, item));
    onValue(list.length === 0 ? undefined : list);
  };
  const text = Array.isArray(value) ? value.join(', ') : '';
  return (
    <Labelled
      label={words(name)}
      hint={schema.description}
      control={(ties) => <TextEntry ties={ties} text={text} onText={onText} placeholder="one, two, three" />}
    />
  );
}

/** As many numbers as the schema says, or none at all. */
function TupleField({ name, schema, value, onValue }: SchemaFieldProps): JSX.Element {
  const parts = schema.prefixItems ?? [];
  const numbers = Array.isArray(value) ? (value as unknown[]) : [];
  const set = (index: number, number: unknown): void => {
    const next = parts.map((_, place) => (place === index ? number : numbers[place]));
    onValue(next.every((one) => one === undefined) ? undefined : next.map((one) => one ?? 0));
  };
  return (
    <fieldset class="tuple">
      <legend>{words(name)}</legend>
      {parts.map((part, index) => (
        <NumberEntry
          key={index}
          schema={part}
          value={numbers[index]}
          onValue={(number) => set(index, number)}
          label={`${words(name)}, ${index + 1} of ${parts.length}`}
        />
      ))}
      <Hint schema={schema} />
    </fieldset>
  );
}

/** The fields of an object, each of which may be left out; and so it is, when all of them are. */
export function ObjectFields({
  schema,
  value,
  onValue,
  usual,
  leave = [],
}: Omit<SchemaFieldProps, 'name'> & { readonly leave?: readonly string[] }): JSX.Element {
  const fields = (value ?? {}) as Fields;
  const set = (name: string, part: unknown): void => {
    const { [name]: _, ...rest } = fields;
    const next = part === undefined ? rest : { ...rest, [name]: part };
    onValue(Object.keys(next).length === 0 ? undefined : next);
  };
  return (
    <div class="fields">
      {Object.entries(schema.properties ?? {}).map(
        ([name, part]) =>
          !leave.includes(name) && (
            <SchemaField
              key={name}
              name={name}
              schema={part}
              value={fields[name]}
              usual={(usual as Fields | undefined)?.[name]}
              onValue={(next) => set(name, next)}
            />
          ),
      )}
    </div>
  );
}

function ObjectField({ name, ...props }: SchemaFieldProps): JSX.Element {
  return (
    <fieldset class="group">
      <legend>{words(name)}</legend>
      <Hint schema={props.schema} />
      <ObjectFields {...props} />
    </fieldset>
  );
}

/** What a field is for, in the words of its schema. */
export function Hint({ schema }: { readonly schema: Schema }): JSX.Element | null {
  if (schema.description === undefined) return null;
  return (
    <small>
      <Marked text={schema.description} />
    </small>
  );
}

/** Which field edits which schema; the first that fits. */
const FIELDS: readonly (readonly [fits: (schema: Schema) => boolean, Field: FunctionComponent<SchemaFieldProps>])[] = [
  [({ enum: values }) => values !== undefined, EnumField],
  [({ type }) => type === 'boolean', BooleanField],
  [({ type }) => type === 'integer' || type === 'number', NumberField],
  [({ contentEncoding }) => contentEncoding === 'base64', FileField],
  [isScalar, TextField],
  [({ prefixItems }) => prefixItems?.every(isScalar) ?? false, TupleField],
  [({ type, items }) => type === 'array' && typeof items === 'object' && isScalar(items), ListField],
  [({ oneOf }) => oneOf?.every(({ properties }) => properties !== undefined) ?? false, VariantField],
  [({ properties }) => properties !== undefined, ObjectField],
  [() => true, JsonField],
];

export function SchemaField(props: SchemaFieldProps): JSX.Element {
  const [, Field] = FIELDS.find(([fits]) => fits(props.schema))!;
  return <Field {...props} />;
}
