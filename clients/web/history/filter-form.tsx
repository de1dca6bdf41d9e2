/** The fields that say which jobs are listed. */
import type { JSX } from 'preact';
import { SelectField } from '../shared/fields.js';
import { models } from '../shared/models.js';
import { SearchField } from '../shared/search-field.js';
import { KIND_CHOICES, STATE_CHOICES, type Filters } from './filters.js';

/** Milliseconds after the last key until the server is asked. */
const PAUSE_MS = 250;

interface FilterFormProps {
  readonly filters: Filters;
  readonly onFilters: (filters: Filters) => void;
}

export function FilterForm({ filters, onFilters }: FilterFormProps): JSX.Element {
  const set = (field: keyof Filters) => (value: string) => onFilters({ ...filters, [field]: value });
  const names = (models.value ?? []).filter(({ kind }) => kind !== 'prior').map(({ name }) => name);
  const known = filters.model === '' || names.includes(filters.model) ? names : [filters.model, ...names];
  return (
    <form class="form filters" role="search" aria-label="Jobs" onSubmit={(event) => event.preventDefault()}>
      <SearchField
        label="Search"
        value={filters.text}
        placeholder="text of the id or the request"
        wait={PAUSE_MS}
        onValue={set('text')}
      />
      <SelectField label="State" value={filters.state} options={STATE_CHOICES} onValue={set('state')} />
      <SelectField label="Kind" value={filters.kind} options={KIND_CHOICES} onValue={set('kind')} />
      <SelectField
        label="Model"
        value={filters.model}
        options={[['', 'any model'] as const, ...known]}
        onValue={set('model')}
      />
    </form>
  );
}
