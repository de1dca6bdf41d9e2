/** A part of the settings that is one of several variants, each with fields of its own. */
import type { JSX } from 'preact';
import { SelectField } from '../shared/fields.js';
import { ObjectFields, words, type SchemaFieldProps } from './schema-field.js';
import { schemas, type Fields, type Schema } from '../shared/schemas.js';

/** The field that tells the variant: the one that is a constant in each. */
function discriminatorOf(members: readonly Schema[]): string {
  const names = Object.keys(members[0]?.properties ?? {});
  return names.find((name) => members.every(({ properties }) => properties?.[name]?.const !== undefined)) ?? '';
}

export function VariantField({ name, schema, value, onValue, usual }: SchemaFieldProps): JSX.Element {
  const members = schema.oneOf ?? [];
  const by = discriminatorOf(members);
  const nameOf = (member: Schema): string => String(member.properties?.[by]?.const);
  const fields = (value ?? {}) as Fields;
  const preset = usual as Fields | undefined;
  const chosen = fields[by] as string | undefined;
  const member = members.find((one) => nameOf(one) === chosen);
  const asIs = preset?.[by] as string | undefined;
  // Of the preset's own variant the preset says the rest; of another, the table of variants.
  const rest = chosen === asIs ? preset : schemas.value?.variants[name]?.[chosen ?? ''];
  const { [by]: _, ...others } = fields;
  return (
    <fieldset class="group">
      <legend>{words(name)}</legend>
      <SelectField
        label="Which"
        hint={(member ?? schema).description}
        value={chosen ?? ''}
        options={[
          ['', asIs === undefined ? 'as the preset says' : `${asIs} (as the preset says)`] as const,
          ...members.map(nameOf),
        ]}
        onValue={(next) => onValue(next === '' ? undefined : { [by]: next })}
      />
      {member !== undefined && (
        <ObjectFields
          schema={member}
          value={others}
          usual={rest}
          leave={[by]}
          onValue={(next) => onValue({ [by]: chosen, ...(next as Fields | undefined) })}
        />
      )}
    </fieldset>
  );
}
