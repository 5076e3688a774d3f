import { spawn } from 'node:child_process';
import type { ConnectEnvironment } from '../conninfo/environment';
import type { ConnectFault } from '../connectFaults';
import { connectError } from '../errors';
import { canceledError } from './connectErrors';

/** A command that takes longer hangs, or waits for input at a terminal that does not exist. Milliseconds. */
export const PASSWORD_COMMAND_MS = 30_000;
/** Longer output is not a password. UTF-16 code units. */
const MAX_OUTPUT = 65_536;

/**
 * Runs a command line in the user's shell and returns the first line of its output. Its output and its error output are never logged
 * or shown: either may contain the secret.
 * @throws ConnectError ('passwordCommand' or 'aborted')
 */
export function runPasswordCommand(
  command: string,
  { environment, signal }: { readonly environment: ConnectEnvironment; readonly signal?: AbortSignal },
  timeoutMs = PASSWORD_COMMAND_MS,
): Promise<string> {
  return new Promise((resolve, reject) => {
    // A process group, so that everything the shell started ends with it.
    const grouped = environment.platform !== 'win32';
    const child = spawn(command, {
      shell: true,
      env: environment.env,
      stdio: ['ignore', 'pipe', 'ignore'],
      windowsHide: true,
      detached: grouped,
    });
    let output = '';
    let settled = false;
    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    const fail = (fault: ConnectFault): void => settle(() => reject(connectError('passwordCommand', fault)));
    const stop = (): void => {
      try {
        if (grouped && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        else child.kill();
      } catch {
        // It has just ended.
      }
    };
    const timer = setTimeout(() => {
      fail({ code: 'connect.passwordCommandTimeout', params: { seconds: timeoutMs / 1000 } });
      stop();
    }, timeoutMs);
    const onAbort = (): void => {
      settle(() => reject(canceledError()));
      stop();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (output.length < MAX_OUTPUT) output += chunk;
    });
    child.on('error', () => fail({ code: 'connect.passwordCommandNotStarted' }));
    child.on('close', (status, signalName) => {
      const password = (output.split('\n', 1)[0] ?? '').replace(/\r$/, '');
      if (status === null) fail({ code: 'connect.passwordCommandKilled', params: { signal: signalName ?? '' } });
      else if (status !== 0) fail({ code: 'connect.passwordCommandFailed', params: { status } });
      else if (password === '') fail({ code: 'connect.passwordCommandEmpty' });
      else settle(() => resolve(password));
    });
  });
}
