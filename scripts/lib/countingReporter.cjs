// Mocha's spec reporter, which also leaves its counts where scripts/test.mjs finds them: one line of JSON for each run.
'use strict';
const { appendFileSync } = require('node:fs');
const Mocha = require('mocha');

module.exports = class CountingReporter extends Mocha.reporters.Spec {
  /**
   * @param {import('mocha').Runner} runner
   * @param {import('mocha').MochaOptions} options
   */
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const file = process.env['PGBG_TEST_COUNTS'];
      const { passes = 0, failures = 0, pending = 0 } = this.stats;
      if (file) appendFileSync(file, `${JSON.stringify({ passes, failures, pending })}\n`);
    });
  }
};
