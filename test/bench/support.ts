import { spawn } from 'node:child_process';

/** One line of the table of `npm run bench`. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Measured in the same run. */
  readonly reference?: number;
  readonly referenceName?: string;
  /** As in docs/internals/design.md. */
  readonly budget?: string;
  readonly ok?: boolean;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The quantile of the values for a fraction from 0 to 1. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1);
  return sorted[Math.max(0, at)] ?? NaN;
}

/** Measures how long the work takes. Milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Times of psql in milliseconds. */
export interface PsqlTime {
  /** The whole command, including the start of psql and its connection. */
  readonly whole: number;
  /** psql's \timing of the launch and the COPY alone. */
  readonly statements: number;
}

/**
 * Makes psql launch a worker and copy its result to /dev/null. The query returns an int4 and a text.
 *
 * @param at connection arguments of psql
 */
export async function psqlFromWorker(psql: string, at: readonly string[], query: string): Promise<PsqlTime> {
  const script = [
    '\\timing on',
    `SELECT pid, cookie FROM pg_background_launch($q$${query}$q$) \\gset`,
    'COPY (SELECT * FROM pg_background_result(:pid, :cookie) AS (c1 int4, c2 text)) TO STDOUT \\g /dev/null',
  ].join('\n');
  let output = '';
  const whole = await timed(async () => {
    output = await feed(psql, ['-X', '-q', ...at], script);
  });
  const times = Array.from(output.matchAll(/^Time: ([\d.]+) ms/gm), ([, time]) => Number(time));
  return { whole, statements: times.reduce((sum, time) => sum + time, 0) };
}

/** Measures how long psql takes to run a script in one transaction, including its start and its connection. Milliseconds. */
export function psqlTransaction(psql: string, at: readonly string[], script: string): Promise<number> {
  return timed(() => feed(psql, ['-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', ...at], script));
}

function feed(command: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', reject).on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with ${code ?? 'a signal'}.`));
    });
    child.stdin.end(input);
  });
}
