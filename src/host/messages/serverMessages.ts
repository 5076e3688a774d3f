import { l10n } from 'vscode';
import type { ServerFaults } from '../../core/postgres/faults';
import type { Messages } from './messages';
import { serverText } from './serverText';

/** The sentences for problems with a server, its pg_background, and our connection to it. */
export const SERVER_MESSAGES: Messages<ServerFaults> = {
  'server.extensionMissing': ({ database }) =>
    l10n.t(
      'The extension pg_background is not installed in the database “{0}”. Ask a superuser to run CREATE EXTENSION pg_background there.',
      database,
    ),
  'server.extensionTooOld': ({ version, database }) =>
    l10n.t(
      'pg_background {0} in the database “{1}” is too old: version 1.8 or later is required. Install a newer package, then run ALTER EXTENSION pg_background UPDATE.',
      version,
      database,
    ),
  'server.extensionMoved': ({ message }) =>
    l10n.t('pg_background was moved or changed in this database: {0}. Run the job again.', withoutPeriod(message)),
  'server.transactionPooler': () =>
    l10n.t(
      'A pooling proxy in transaction mode (such as PgBouncer) is between VS Code and the server. pg_background ties each worker to its session, so nothing can be launched through it: connect to PostgreSQL directly, or use the proxy in session mode.',
    ),
  'server.launchDenied': ({ message }) =>
    l10n.t(
      'Your role may not launch workers: {0}. Ask an administrator to run GRANT pgbackground_role TO your role.',
      withoutPeriod(message),
    ),
  'server.signalDenied': ({ message, detail }) =>
    detail === undefined
      ? l10n.t(
          'Your role may not cancel this worker ({0}). Ask for membership in its role, or in pg_signal_backend.',
          message,
        )
      : l10n.t(
          'Your role may not cancel this worker ({0}). {1} Ask for membership in its role, or in pg_signal_backend.',
          message,
          detail,
        ),

  'server.otherServer': ({ place, start, otherPlace, otherStart }) =>
    l10n.t(
      'The worker is on {0}, but the connection now leads to {1}: no signal was sent.',
      serverText({ place, start }),
      serverText({ place: otherPlace, start: otherStart }),
    ),
  'server.newConnectionsElsewhere': ({ place, start, otherPlace, otherStart }) =>
    l10n.t(
      'New connections lead to {0}, but the existing one leads to {1}. A job needs both on one server, so nothing is launched until they lead to the same one.',
      serverText({ place: otherPlace, start: otherStart }),
      serverText({ place, start }),
    ),
  'server.replaced': () => l10n.t('The server was restarted, or replaced by another one.'),

  'server.connectionLost': (_, cause) => l10n.t('The connection to the server was lost: {0}.', withoutPeriod(cause)),
  'server.noAnswer': ({ seconds }) => l10n.t('The server did not respond within {0} s.', seconds),
  'server.cancelUnanswered': ({ seconds }) =>
    l10n.t(
      'The server did not respond within {0} s. The cancel may still reach the worker once the server responds.',
      seconds,
    ),
  'server.linkClosed': ({ connection }) => l10n.t('The connection “{0}” is closed.', connection),

  'server.unexpectedMessage': ({ type }) =>
    l10n.t(
      'The server sent a message of unexpected type {0}, so the connection was closed. Check that the address belongs to a PostgreSQL server, and check its log.',
      type,
    ),
  'server.impossibleLength': ({ type, length }) =>
    l10n.t(
      'The server sent a message of type {0} with an invalid length ({1}), so the connection was closed. Check that the address belongs to a PostgreSQL server, and check its log.',
      type,
      length,
    ),
  'server.damagedMessage': ({ type }) =>
    l10n.t(
      'The server sent a damaged message of type {0}, so the connection was closed. Check that the address belongs to a PostgreSQL server, and check its log.',
      type,
    ),
  'server.tooManyRows': () =>
    l10n.t(
      'The server sent more rows than any query of this extension returns, so the connection was closed. Check that the address belongs to a PostgreSQL server, and check its log.',
    ),

  'server.errorNotText': () =>
    l10n.t('The worker failed, but its message is not valid text in the database’s encoding.'),

  'into.invalid': ({ into }) =>
    l10n.t(
      '“{0}” is not a table to store rows in. Enter a name such as reports.daily, perhaps followed by append or replace.',
      into,
    ),
  'into.noRows': ({ command }) =>
    l10n.t(
      'The last statement ({0}) returns no rows that a table could store. End the text with a query, or with a write that has RETURNING.',
      command,
    ),
  'into.noSchemaInPath': () =>
    l10n.t('No schema of the search_path exists, so the table cannot be created. Add a schema to its name.'),
  'into.noSchema': ({ schema }) =>
    l10n.t('The schema “{0}” does not exist. Create it first, or choose another one.', schema),
  'into.exists': ({ table }) =>
    l10n.t(
      'The table “{0}” already exists, so nothing was run. Choose another name, or add append or replace after it.',
      table,
    ),
  'into.notATable': ({ table }) =>
    l10n.t('“{0}” is not a table, so rows cannot be stored in it. Choose another name.', table),
  'into.mayNotCreate': ({ role, schema }) =>
    l10n.t(
      'The role “{0}” may not create tables in the schema “{1}”. Choose another schema, or ask for GRANT CREATE ON SCHEMA.',
      role,
      schema,
    ),
  'into.mayNotInsert': ({ role, table }) =>
    l10n.t(
      'The role “{0}” may not insert into the table “{1}”. Choose another table, or ask for GRANT INSERT.',
      role,
      table,
    ),
  'into.mayNotReplace': ({ role, table }) =>
    l10n.t(
      'The role “{0}” does not own the table “{1}”, so it cannot replace it. Choose another name, or append.',
      role,
      table,
    ),
  'rows.locked': () =>
    l10n.t(
      'The rows cannot be read, because a lock on a table that the statement uses kept the server from describing its columns in time. The statement runs, but returns no rows here.',
    ),
  'rows.noColumns': () => l10n.t('The last statement returns rows without columns: they are counted, but not kept.'),
  'rows.unsendableType': ({ command }) =>
    l10n.t(
      'The rows of this {0} cannot be read, because a worker cannot send values of a column’s type. The statement runs, but its rows are not returned; cast that column to text to see the rows.',
      command,
    ),
  'rows.unknownColumns': ({ command }) =>
    l10n.t(
      'The rows of this {0} cannot be read, because an earlier statement of the same text creates what it uses. The statement runs, but its rows are not returned; run it separately afterwards to see the rows.',
      command,
    ),
};

/** A message without its final period, for use inside a sentence. */
function withoutPeriod(message: string): string {
  return message.replace(/\.$/, '');
}
