// The end of `npm test`: all failures again, because the output of several levels is long, and then the count.

/**
 * One run of Mocha, as scripts/lib/countingReporter.cjs writes it.
 *
 * @typedef {object} TestRun
 * @property {string} name the level and where it ran
 * @property {number} passes
 * @property {number} failures
 * @property {number} pending tests that this machine cannot run
 * @property {{ title: string, message: string }[]} failed
 * @property {{ title: string, reason: string }[]} [skipped]
 */

/**
 * @param {readonly TestRun[]} runs
 * @param {boolean} failed whether any level failed, including one that broke before it could count
 * @returns {string} lines; the last one is the count
 */
export function summarizeTests(runs, failed) {
  const sum = (/** @type {'passes' | 'failures' | 'pending'} */ what) =>
    runs.reduce((total, run) => total + run[what], 0);
  const lines = runs.flatMap((run) =>
    run.failed.flatMap(({ title, message }) => [
      `FAILED (${run.name}): ${title}`,
      ...message.split('\n').map((line) => `  ${line}`),
    ]),
  );
  for (const run of runs) {
    for (const { title, reason } of run.skipped ?? []) lines.push(`SKIPPED (${run.name}): ${title}: ${reason}`);
  }
  if (sum('pending') > 0)
    lines.push(`${sum('pending')} skipped, because this machine cannot run them. They are listed above.`);
  const failures = sum('failures');
  lines.push(`${sum('passes')} passed, ${failed && failures === 0 ? 1 : failures} failed`);
  return `${lines.join('\n')}\n`;
}
