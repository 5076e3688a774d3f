// Mocha's spec reporter, which also appends one line of JSON per run (a TestRun of testSummary.mjs) to the file that scripts/test.mjs
// summarizes at the end.
'use strict';
const { appendFileSync } = require('node:fs');
const Mocha = require('mocha');

/** Lines of a failure that the summary repeats: the message and the first stack frames. */
const MAX_LINES = 12;

module.exports = class CountingReporter extends Mocha.reporters.Spec {
  /**
   * @param {import('mocha').Runner} runner
   * @param {import('mocha').MochaOptions} options
   */
  constructor(runner, options) {
    super(runner, options);
    /** @type {{ title: string, message: string }[]} */
    const failed = [];
    /** @type {{ title: string, reason: string }[]} */
    const skipped = [];
    // For test/server/externalServer.ts, which skips tests that an external server does not allow.
    const shared = /** @type {{ pgbgRunnable?: unknown, pgbgSkipped?: unknown }} */ (globalThis);
    shared.pgbgSkipped = skipped;
    runner.on('hook', (hook) => (shared.pgbgRunnable = hook));
    runner.on('test', (test) => (shared.pgbgRunnable = test));
    runner.on('fail', (test, /** @type {unknown} */ error) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      failed.push({ title: test.titlePath().join(' › '), message: text.split('\n').slice(0, MAX_LINES).join('\n') });
    });
    runner.once('end', () => {
      const file = process.env['PGBG_TEST_COUNTS'];
      const name = process.env['PGBG_TEST_RUN'] ?? '';
      const { passes = 0, failures = 0, pending = 0 } = this.stats;
      if (file)
        appendFileSync(
          file,
          `${JSON.stringify({ name, passes, failures, pending, failed, skipped: withoutRepeats(skipped) })}\n`,
        );
    });
  }
};

/**
 * @param {{ title: string, reason: string }[]} skipped
 * @returns {{ title: string, reason: string }[]}
 */
function withoutRepeats(skipped) {
  return [...new Map(skipped.map((entry) => [entry.title, entry])).values()];
}
