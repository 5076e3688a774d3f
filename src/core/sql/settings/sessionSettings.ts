/** The settings that the statements of a script would share in a psql session, for workers with separate sessions. */
import { quoteIdent } from '../quote';
import type { SessionEffect } from './sessionEffects';

/** Adds the state of the session to a launch. */
export interface CarriedSettings {
  /** As `RunRequest.settings`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Statements to insert before the text, in its transaction; may be empty. */
  readonly prefix: string;
}

/**
 * Parameters that are not carried: the text is sent in the encoding of our own connection, and the modes of a transaction end with it.
 */
const NOT_CARRIED = new Set([
  'client_encoding',
  'transaction_isolation',
  'transaction_read_only',
  'transaction_deferrable',
]);

/** The parameters and the role after the statements that have run. */
export class SessionSettings {
  readonly #settings = new Map<string, string>();
  #role: string | undefined;
  #authorization: string | undefined;

  /** The names of all settings. */
  get names(): readonly string[] {
    return [
      ...this.#settings.keys(),
      ...(this.#authorization === undefined ? [] : ['session_authorization']),
      ...(this.#role === undefined ? [] : ['role']),
    ];
  }

  apply(effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'set':
          if (!NOT_CARRIED.has(effect.name)) this.#set(effect.name, effect.value);
          break;
        case 'reset':
          this.#settings.delete(effect.name);
          break;
        case 'resetAll':
          this.#settings.clear();
          break;
        case 'discardAll':
          this.#settings.clear();
          this.#role = this.#authorization = undefined;
          break;
        case 'role':
          this.#role = effect.role;
          break;
        case 'authorization':
          this.#authorization = effect.role;
          this.#role = undefined;
          break;
      }
    }
  }

  #set(name: string, value: string): void {
    const before = this.#settings.get(name);
    this.#settings.set(name, name === 'datestyle' && before !== undefined ? mergedDateStyle(before, value) : value);
  }

  /** Effects that lead from a new session to this one. */
  get effects(): readonly SessionEffect[] {
    return [
      ...[...this.#settings].map(([name, value]) => ({ kind: 'set' as const, name, value })),
      ...(this.#authorization === undefined ? [] : [{ kind: 'authorization' as const, role: this.#authorization }]),
      ...(this.#role === undefined ? [] : [{ kind: 'role' as const, role: this.#role }]),
    ];
  }

  /**
   * @param alone the text refuses a transaction block, so no statement may precede it; the role is then passed as a setting
   */
  launch(alone: boolean): CarriedSettings {
    const settings = Object.fromEntries(this.#settings);
    if (alone) {
      if (this.#authorization !== undefined) settings['session_authorization'] = this.#authorization;
      if (this.#role !== undefined) settings['role'] = this.#role;
      return { settings, prefix: '' };
    }
    // The role is set in the text, so that the session may read the worker's rows without privileges of the role.
    const authorization =
      this.#authorization === undefined ? '' : `SET LOCAL SESSION AUTHORIZATION ${quoteIdent(this.#authorization)}; `;
    const role = this.#role === undefined ? '' : `SET LOCAL ROLE ${quoteIdent(this.#role)}; `;
    return { settings, prefix: authorization + role };
  }
}

const STYLE = /^(iso|sql|german|postgres.*)$/i;
const ORDER = /^(ymd|dmy|euro.*|mdy|us|noneuro.*)$/i;

/** Merges values of DateStyle: a part that is not set keeps its value (`check_datestyle` in PostgreSQL's variable.c). */
function mergedDateStyle(before: string, value: string): string {
  const partsOf = (list: string): string[] => list.split(',').map((part) => part.trim().replace(/^"(.*)"$/, '$1'));
  const parts = partsOf(value);
  // DEFAULT sets both parts; unknown values are left to the server.
  if (!parts.every((part) => STYLE.test(part) || ORDER.test(part))) return value;
  const old = partsOf(before);
  const style = parts.find((part) => STYLE.test(part)) ?? old.find((part) => STYLE.test(part));
  const german = parts.some((part) => /^german$/i.test(part));
  const order = parts.find((part) => ORDER.test(part)) ?? (german ? 'DMY' : orderIn(old));
  return [style, order].filter((part) => part !== undefined).join(', ');
}

function orderIn(parts: readonly string[]): string | undefined {
  const order = parts.find((part) => ORDER.test(part));
  return order ?? (parts.some((part) => /^german$/i.test(part)) ? 'DMY' : undefined);
}
