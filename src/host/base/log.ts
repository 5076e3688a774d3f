import type { LogOutputChannel } from 'vscode';
import type { Logger } from '../../core/base/logger';
import { plainEntry } from './plainText';

/** Adapts the output channel to the core's logger. */
export function loggerOf(channel: LogOutputChannel): Logger {
  return {
    debug: (message) => channel.debug(plainEntry(message)),
    info: (message) => channel.info(plainEntry(message)),
    warn: (message) => channel.warn(plainEntry(message)),
    error: (message) => channel.error(plainEntry(message)),
  };
}
