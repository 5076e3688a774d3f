import type { LogOutputChannel } from 'vscode';
import type { Logger } from '../../core/base/logger';
import { plainEntry } from './plainText';

/** The one output channel, as the core sees it. */
export function loggerOf(channel: LogOutputChannel): Logger {
  return {
    debug: (message) => channel.debug(plainEntry(message)),
    info: (message) => channel.info(plainEntry(message)),
    warn: (message) => channel.warn(plainEntry(message)),
    error: (message) => channel.error(plainEntry(message)),
  };
}
