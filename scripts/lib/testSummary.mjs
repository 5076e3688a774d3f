// What `npm test` says at its end: every failure once more, since the output of many levels is long, then the plain count.

/**
 * One run of Mocha, as scripts/lib/countingReporter.cjs leaves it.
 *
 * @typedef {object} TestRun
 * @property {string} name the level, and where it ran
 * @property {number} passes
 * @property {number} failures
 * @property {number} pending tests that this machine cannot run
 * @property {{ title: string, message: string }[]} failed what failed and how
 * @property {{ title: string, reason: string }[]} [skipped] what was skipped, and why
 */

/**
 * @param {readonly TestRun[]} runs
 * @param {boolean} failed whether a level ended with a failure, also one that broke before it could count
 * @returns {string} lines; the last one is the plain count
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
  if (sum('pending') > 0) lines.push(`${sum('pending')} skipped: what this machine cannot do stands above.`);
  const failures = sum('failures');
  lines.push(`${sum('passes')} passed, ${failed && failures === 0 ? 1 : failures} failed`);
  return `${lines.join('\n')}\n`;
}
