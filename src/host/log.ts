import type { LogOutputChannel } from 'vscode';
import type { Logger } from '../core/jobs/ports';

/** The one output channel, as the core sees it. */
export function loggerOf(channel: LogOutputChannel): Logger {
  return {
    debug: (message) => channel.debug(message),
    info: (message) => channel.info(message),
    warn: (message) => channel.warn(message),
    error: (message) => channel.error(message),
  };
}
