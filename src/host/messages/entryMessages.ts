/** The sentences for problems of the list of connections. */
import { l10n } from 'vscode';
import type { EntryFaults } from '../connections/entryFaults';
import type { Messages } from './messages';

export const ENTRY_MESSAGES: Messages<EntryFaults> = {
  'connections.sameName': ({ name }) => l10n.t('Two connections have the name “{0}”. Rename one.', name),
  'connections.fieldIgnored': ({ field }) =>
    l10n.t(
      '“{0}” is ignored here, because it affects who receives passwords. Move the connection to your user settings to use it.',
      field,
    ),
  'connections.retentionIgnored': () =>
    l10n.t(
      '“durableRetentionDays” is ignored here, because it deletes results. Move the connection to your user settings to use it.',
    ),
  'connections.providerFailed': ({ provider, detail }) =>
    l10n.t('“{0}” could not list its connections: {1}', provider, detail),
};
