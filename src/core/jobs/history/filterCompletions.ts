/** Completions of the last term of a filter. */
import { FILTER_KEYS, FILTER_STATES, type FilterKey } from './jobFilter';

export interface FilterCompletion {
  /** The completed term: `is:failed`, or `is:` for a key whose value is still missing. */
  readonly term: string;
  /** The whole filter with this term. It ends with a space if the term is complete. */
  readonly filter: string;
  readonly key: FilterKey;
  /** False if only the key is completed. */
  readonly complete: boolean;
}

/** The last term: the part after the last space that is not within quotes. */
const LAST_TERM = /(?:^|\s)(-?)((?:[a-z]+:)?(?:"[^"]*|[^\s"]*))$/i;

/**
 * Returns the completions of the last term of a filter: keys, and the values of a key that has a list of them.
 *
 * @param connections the names of connections
 */
export function completeFilter(text: string, connections: readonly string[]): readonly FilterCompletion[] {
  const [, minus = '', term = ''] = LAST_TERM.exec(text) ?? [];
  const before = text.slice(0, text.length - term.length);
  const [, key, typed = ''] = /^([a-z]+):"?(.*)$/i.exec(term) ?? [];
  if (key === undefined) {
    return FILTER_KEYS.filter((known) => known.startsWith(term.toLowerCase())).map((known) => ({
      term: `${minus}${known}:`,
      filter: `${before}${known}:`,
      key: known,
      complete: false,
    }));
  }
  const known = FILTER_KEYS.find((name) => name === key.toLowerCase());
  if (known === undefined) return [];
  return valuesOf(known, connections)
    .filter((value) => value.toLowerCase().includes(typed.toLowerCase()))
    .map((value) => {
      const completed = `${known}:${/\s/.test(value) ? `"${value}"` : value}`;
      return { term: `${minus}${completed}`, filter: `${before}${completed} `, key: known, complete: true };
    })
    .filter((completion) => completion.filter.trimEnd() !== text);
}

function valuesOf(key: FilterKey, connections: readonly string[]): readonly string[] {
  switch (key) {
    case 'is':
      return [...Object.keys(FILTER_STATES), 'pinned'];
    case 'connection':
      return connections;
    case 'after':
    case 'before':
    case 'on':
      return ['today', 'yesterday'];
    case 'label':
    case 'sql':
    case 'pid':
      return [];
  }
}
