import type { SpoolColumn } from '../spool/spoolFormat';
import type { Formatter } from './formatter';
import { jsonObject } from './json';

/** One JSON object per line (https://github.com/ndjson/ndjson-spec). */
export function ndjson(columns: readonly SpoolColumn[]): Formatter {
  const { object, plain } = jsonObject(columns);
  return { head: '', row: (values) => object(values) + '\n', plain: (line) => plain(line) + '\n', tail: () => '' };
}
