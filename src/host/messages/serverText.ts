import { l10n } from 'vscode';

/** A server as part of a sentence. `place`: `host:port`; `start`: when the server was started, as it writes the time. */
export function serverText({ place, start }: { readonly place: string | undefined; readonly start: string }): string {
  return place === undefined
    ? l10n.t('the server started at {0}', start)
    : l10n.t('the server at {0}, started at {1}', place, start);
}
