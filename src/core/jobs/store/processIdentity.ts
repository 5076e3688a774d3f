/**
 * Identifies a process across restarts of the machine and reuse of process ids.
 *
 * Linux is tested. The commands for macOS and Windows follow their documentation and could not be tested here.
 */
import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import { errorCode } from '../../base/files';

/** A process of one boot of one host. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Changes with each boot of the host; missing where the system has no such id. */
  readonly bootId?: string;
  /** Identifies the container: process ids of another one mean nothing here. Linux only. */
  readonly pidNamespace?: string;
  /** When the process was started, in a form of the operating system; missing if it could not be determined. */
  readonly startTime?: string;
}

const run = promisify(execFile);
/** Limit for a command of the operating system. Milliseconds. */
const COMMAND_MS = 10_000;

/** The identity of this process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  const [bootId, pidNamespace, startTime] = await Promise.all([
    currentBootId(),
    currentPidNamespace(),
    startTimeOf(process.pid),
  ]);
  return {
    pid: process.pid,
    host: hostname(),
    ...(bootId === undefined ? {} : { bootId }),
    ...(pidNamespace === undefined ? {} : { pidNamespace }),
    ...(startTime === undefined ? {} : { startTime }),
  };
}

/**
 * Whether a process is alive.
 *
 * - `alive`: it is running on this host, also if it is suspended.
 * - `dead`: it was running on this host, and no longer is.
 * - `unknown`: a process with this id exists on this host, but its start time cannot be compared.
 * - `elsewhere`: it runs on another host or in another container, so nothing here shows whether it is alive.
 */
export async function processState(identity: ProcessIdentity): Promise<'alive' | 'dead' | 'unknown' | 'elsewhere'> {
  if (identity.host !== hostname()) return 'elsewhere';
  const [bootId, pidNamespace] = await Promise.all([currentBootId(), currentPidNamespace()]);
  if (
    identity.bootId === bootId &&
    identity.pidNamespace !== undefined &&
    pidNamespace !== undefined &&
    identity.pidNamespace !== pidNamespace
  ) {
    return 'elsewhere';
  }
  if (identity.bootId !== undefined && bootId !== undefined && identity.bootId !== bootId) {
    // Containers may share a host name: another boot id only proves a reboot if the kernel is the same. A missing process does.
    return exists(identity.pid) ? 'unknown' : 'dead';
  }
  if (!exists(identity.pid)) return 'dead';
  if (identity.startTime === undefined) return 'unknown';
  const startTime = await startTimeOf(identity.pid);
  if (startTime === undefined) return 'unknown';
  return startTime === identity.startTime ? 'alive' : 'dead';
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists but belongs to another user.
    return errorCode(error) === 'EPERM';
  }
}

/** @returns undefined where the system has no boot id */
async function currentBootId(): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** @returns undefined if the system has no process namespaces */
async function currentPidNamespace(): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  return readlink('/proc/self/ns/pid').catch(() => undefined);
}

/** @returns undefined if it cannot be determined */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    switch (process.platform) {
      case 'linux': {
        const text = await readFile(`/proc/${pid}/stat`, 'utf8');
        // Field 22, in clock ticks since boot. The name of the program, in parentheses, may contain spaces and parentheses (proc(5)).
        return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
      }
      case 'win32': {
        const command = `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`;
        const { stdout } = await run('powershell', ['-NoProfile', '-NonInteractive', '-Command', command], {
          timeout: COMMAND_MS,
          windowsHide: true,
        });
        return stdout.trim() || undefined;
      }
      default: {
        const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)], {
          timeout: COMMAND_MS,
          env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
        });
        return stdout.trim() || undefined;
      }
    }
  } catch {
    return undefined;
  }
}
