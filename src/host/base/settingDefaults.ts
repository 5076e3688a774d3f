/** The settings, without the prefix `pgBackground.`. package.json describes them. */
export interface Settings {
  readonly connections: unknown;
  readonly defaultConnection: string;
  readonly cancelGraceSeconds: number;
  readonly maxConcurrentJobs: number;
  readonly showForeignWorkers: boolean;
  readonly codeLens: boolean;
  readonly confirmUnboundedWrites: boolean;
  readonly onStatementFailure: 'ask' | 'stop' | 'continue';
  readonly notifyAfterSeconds: number;
  readonly notifications: 'all' | 'failures' | 'none';
  readonly onJobEnd: readonly string[];
  readonly 'history.maxJobs': number;
  readonly 'history.maxDays': number;
  readonly 'results.openIn': 'active' | 'beside' | 'below';
  readonly 'results.maxRows': number;
  readonly 'results.maxMegabytes': number;
  readonly 'results.csvDelimiter': 'comma' | 'semicolon' | 'tab';
  readonly 'results.csvByteOrderMark': boolean;
  readonly 'results.escapeFormulas': boolean;
  readonly 'languageModelTools.enabled': boolean;
  readonly 'languageModelTools.allowWrites': boolean;
}

/** The defaults. They equal those in package.json (test/unit/manifest.test.ts). */
export const SETTING_DEFAULTS: Settings = {
  connections: [],
  defaultConnection: '',
  cancelGraceSeconds: 5,
  maxConcurrentJobs: 4,
  showForeignWorkers: true,
  codeLens: true,
  confirmUnboundedWrites: true,
  onStatementFailure: 'ask',
  notifyAfterSeconds: 10,
  notifications: 'all',
  onJobEnd: [],
  'history.maxJobs': 100,
  'history.maxDays': 30,
  'results.openIn': 'active',
  'results.maxRows': 0,
  'results.maxMegabytes': 4096,
  'results.csvDelimiter': 'comma',
  'results.csvByteOrderMark': false,
  'results.escapeFormulas': false,
  'languageModelTools.enabled': true,
  'languageModelTools.allowWrites': false,
};
