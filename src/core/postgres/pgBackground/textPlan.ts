/** Describes a text on the server, and plans from that how it is sent. */
import type { Client } from 'pg';
import { errorOfFault, LaunchError } from '../../jobs/errors';
import type { RowPlan } from '../../jobs/ports';
import { parseInto, type IntoTable } from '../../sql/intoTable';
import { describeRows, type TypeCache } from '../client/typeCache';
import type { ServerFault } from '../faults';
import { intoIsSettled, intoRefusal, lookUpInto, planInto, type IntoFacts } from './intoText';
import { planRows, type Description, type ServerFacts, type WorkerText } from './rowPlan';
import { withSettings } from './withSettings';

/** The server does not accept a setting. The launch will fail for the same reason, and its error is more specific. */
const REFUSED: Described = { rows: { failed: true, syntax: true } };

/** What the server says about a text. */
export interface Described {
  /** The rows of the last statement. */
  readonly rows: Description;
  /** The table that stores them. */
  readonly into?: IntoFacts;
}

/** Reads the table of a request. @throws LaunchError if it is not one */
export function intoTableOf(into: string | undefined): IntoTable | undefined {
  const table = into === undefined ? undefined : parseInto(into);
  if (into !== undefined && !table) throw refused({ code: 'into.invalid', params: { into } });
  return table;
}

/** Describes the last statement, and looks up the table that stores its rows. */
export function describeText(
  client: Client,
  types: TypeCache,
  worker: WorkerText,
  settings: Readonly<Record<string, string>>,
  table: IntoTable | undefined,
): Promise<Described> {
  const { sql, last } = worker;
  const text = last ? sql.slice(last.start, last.end) : '';
  return withSettings<Described>(
    client,
    settings,
    async () => ({
      rows: await describeRows(client, types, text),
      ...(table && intoIsSettled(worker) ? { into: await lookUpInto(client, table) } : {}),
    }),
    REFUSED,
  );
}

/** @throws LaunchError if the rows cannot be stored in the table */
export function planText(
  worker: WorkerText,
  table: IntoTable | undefined,
  { rows, into }: Described,
  facts: ServerFacts,
): RowPlan {
  if (!table) return planRows(worker, rows, facts);
  const refusal = intoRefusal(worker, table, into);
  if (refusal) throw refused(refusal);
  return planInto(worker, table, rows, into, facts);
}

function refused(fault: ServerFault): LaunchError {
  return new LaunchError(errorOfFault(fault), false);
}
