/** The settings of a psql session that statements of one script share, for workers that each begin anew. */
import { quoteIdent } from '../quote';
import type { SessionEffect } from './sessionEffects';

/** What a launch is given, so that a worker begins as the session would be. */
export interface CarriedSettings {
  /** As `RunRequest.settings`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Statements in front of the text, in its transaction; empty if there are none. */
  readonly prefix: string;
}

/**
 * Not carried: the text is sent in the encoding of our own connection, whatever the file says; and a transaction's own modes end
 * with it.
 */
const OWN = new Set(['client_encoding', 'transaction_isolation', 'transaction_read_only', 'transaction_deferrable']);

/** Parameters and role after the statements that ran so far. */
export class SessionSettings {
  readonly #settings = new Map<string, string>();
  #role: string | undefined;
  #authorization: string | undefined;

  /** What is set, by name. */
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
          if (!OWN.has(effect.name)) this.#set(effect.name, effect.value);
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

  /**
   * What a worker is launched with.
   *
   * @param alone The text refuses a transaction block, so that nothing may stand in front of it: the role is then a setting.
   */
  launch(alone: boolean): CarriedSettings {
    const settings = Object.fromEntries(this.#settings);
    if (alone) {
      if (this.#authorization !== undefined) settings['session_authorization'] = this.#authorization;
      if (this.#role !== undefined) settings['role'] = this.#role;
      return { settings, prefix: '' };
    }
    // In the text, so that the session that launched the worker may read its rows, whatever it inherits from the role.
    const authorization =
      this.#authorization === undefined ? '' : `SET LOCAL SESSION AUTHORIZATION ${quoteIdent(this.#authorization)}; `;
    const role = this.#role === undefined ? '' : `SET LOCAL ROLE ${quoteIdent(this.#role)}; `;
    return { settings, prefix: authorization + role };
  }
}

const STYLE = /^(iso|sql|german|postgres.*)$/i;
const ORDER = /^(ymd|dmy|euro.*|mdy|us|noneuro.*)$/i;

/** What is not named of the two parts of DateStyle stays as it was (`check_datestyle` in PostgreSQL's variable.c). */
function mergedDateStyle(before: string, value: string): string {
  const partsOf = (list: string): string[] => list.split(',').map((part) => part.trim().replace(/^"(.*)"$/, '$1'));
  const parts = partsOf(value);
  // DEFAULT is both of them; what is not known is left to the server.
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
