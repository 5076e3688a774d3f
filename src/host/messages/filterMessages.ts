import { l10n } from 'vscode';
import type { FilterFaults } from '../../core/jobs/history/jobFilter';
import type { Messages } from './messages';

/** The sentences for invalid terms of a filter of jobs. */
export const FILTER_MESSAGES: Messages<FilterFaults> = {
  'filter.unknownState': ({ value, allowed }) =>
    l10n.t('Ignored: “is:{0}”. Use one of {1}.', value, allowed.map((state) => `is:${state}`).join(', ')),
  'filter.invalidDate': ({ key, value }) =>
    l10n.t('Ignored: “{0}:{1}”. Use a date such as 2026-11-26, today, or yesterday.', key, value),
  'filter.emptyValue': ({ key }) => l10n.t('Ignored: “{0}:” has no value.', key),
};
