import type { SecretStorage } from 'vscode';
import type { Logger } from '../../core/base/logger';
import { BINDING_PARTS, type Binding, type BindingPart } from '../../core/postgres/connect/open/bindingParts';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import { scopeOf, type ConnectionEntry } from './connectionEntries';

/** Whose password it is, and where it may be sent. */
export interface SecretOwner {
  /** Where the connection is written down, and its name there. */
  readonly key: string;
  /** Where the connection leads now, everything resolved. */
  readonly place: Place;
}

/** A target as seen from one computer: `localhost` and a file are something else on another one. */
export type Place = Binding & { readonly machine: string };

export type PlacePart = BindingPart | 'machine';

export interface StoredPassword {
  readonly password?: string;
  /** There is one, but for another target: these parts differ, or it is not known for which ('unknown'). */
  readonly changed?: readonly Change[] | 'unknown';
}

export interface Change {
  readonly part: PlacePart;
  readonly before: string;
  readonly now: string;
}

/** Version 1 bound a password to these fields of the profile, and so not to what a service or a variable makes of them. */
const V1_FIELDS = [
  'host',
  'hostaddr',
  'port',
  'user',
  'service',
  'serviceFile',
  'sslmode',
  'sslrootcert',
  'channelBinding',
  'requireAuth',
  'allowCleartextPassword',
] as const satisfies readonly (keyof ConnectionProfile)[];

type Owned = Pick<ConnectionEntry, 'origin' | 'ownName' | 'profile'>;

/**
 * Passwords in VS Code's secret storage. Each is bound to the scope and the name of its connection and to its resolved target (see
 * core/postgres/connect/binding.ts), and is given out only if nothing of that differs: neither a `git pull` that changes settings,
 * `pg_service.conf` or a certificate in the repository, nor a variable of the environment, sends it elsewhere.
 */
export class PasswordStore {
  readonly #secrets: Pick<SecretStorage, 'get' | 'store' | 'delete'>;
  readonly #log: Pick<Logger, 'warn'>;
  /** The window's workspace and machine. */
  readonly #here: { readonly workspace: string; readonly machine: string };

  constructor(
    secrets: Pick<SecretStorage, 'get' | 'store' | 'delete'>,
    log: Pick<Logger, 'warn'>,
    here: { readonly workspace: string; readonly machine: string },
  ) {
    this.#secrets = secrets;
    this.#log = log;
    this.#here = here;
  }

  /** @param binding where the connection leads; undefined if that cannot be found out, and then nothing is given out for it */
  ownerOf({ origin, ownName }: Owned, binding: Binding | undefined): SecretOwner {
    const scope = origin.kind === 'workspace' ? `workspace:${this.#here.workspace}` : scopeOf(origin);
    const unknown = Object.fromEntries(BINDING_PARTS.map((part) => [part, ''])) as Binding;
    return { key: keyOf(scope, ownName), place: { ...(binding ?? unknown), machine: this.#here.machine } };
  }

  async get(owner: SecretOwner, { profile }: Pick<ConnectionEntry, 'profile'>): Promise<StoredPassword> {
    const kept = await this.#read(owner.key);
    if (kept === undefined) return this.#takeOver(owner, profile);
    if (kept.place === undefined) return this.#upgrade(owner, kept, profile);
    const changed = changesOf(kept.place, owner.place);
    return changed.length === 0 ? { password: kept.password } : { changed };
  }

  async set(owner: SecretOwner, password: string): Promise<void> {
    await this.#secrets.store(owner.key, JSON.stringify({ version: 2, place: owner.place, password }));
  }

  /** Also one that is for another place, and one from before passwords were bound to a place. */
  async forget(owner: Pick<SecretOwner, 'key'>): Promise<void> {
    await this.#secrets.delete(owner.key);
    await this.#secrets.delete(legacyKey(owner));
  }

  /**
   * Before they were bound, passwords were kept by name alone. One of those becomes the user's own connection's; a workspace
   * must not get it, since nobody knows whose it was.
   */
  async #takeOver(owner: SecretOwner, profile: ConnectionProfile): Promise<StoredPassword> {
    if (owner.key !== keyOf('user', ownNameOf(owner))) return {};
    const password = await this.#secrets.get(legacyKey(owner));
    if (password === undefined) return {};
    if (!isExplicit(profile)) return { changed: 'unknown' };
    await this.set(owner, password);
    await this.#secrets.delete(legacyKey(owner));
    return { password };
  }

  /** One of version 1 is bound anew only if its target does not depend on anything but the profile, which it was bound to. */
  async #upgrade(owner: SecretOwner, kept: Kept, profile: ConnectionProfile): Promise<StoredPassword> {
    const fields = JSON.stringify([...V1_FIELDS.map((field) => String(profile[field] ?? '')), owner.place.machine]);
    if (fields !== kept.v1 || !isExplicit(profile)) return { changed: 'unknown' };
    await this.set(owner, kept.password);
    return { password: kept.password };
  }

  async #read(key: string): Promise<Kept | undefined> {
    const text = await this.#secrets.get(key);
    if (text === undefined) return undefined;
    try {
      const value = JSON.parse(text) as unknown;
      if (Array.isArray(value)) {
        const [v1, password] = value as unknown[];
        if (typeof v1 === 'string' && typeof password === 'string') return { v1, password };
      } else if (typeof value === 'object' && value !== null) {
        const { version, place, password } = value as Record<string, unknown>;
        if (version === 2 && typeof place === 'object' && place !== null && typeof password === 'string') {
          return { place: place as Readonly<Record<string, unknown>>, password };
        }
      }
    } catch {
      // Its text may be a password, so it is not shown.
    }
    this.#log.warn('A stored password could not be read; it has to be entered again.');
    return undefined;
  }
}

interface Kept {
  readonly password: string;
  readonly place?: Readonly<Record<string, unknown>>;
  readonly v1?: string;
}

function changesOf(before: Readonly<Record<string, unknown>>, now: Place): readonly Change[] {
  const parts: readonly PlacePart[] = [...BINDING_PARTS, 'machine'];
  return parts
    .filter((part) => before[part] !== now[part])
    .map((part) => ({ part, before: typeof before[part] === 'string' ? before[part] : '', now: now[part] }));
}

/** Nothing outside of the profile decides who gets the password and how it is protected. */
function isExplicit({ host, user, service, sslmode }: ConnectionProfile): boolean {
  return [host, user, sslmode].every((value) => value !== undefined && value !== '') && service === undefined;
}

const PREFIX = 'pgBackground.secret:';

function keyOf(scope: string, ownName: string): string {
  return PREFIX + JSON.stringify([scope, ownName]);
}

function ownNameOf({ key }: Pick<SecretOwner, 'key'>): string {
  return (JSON.parse(key.slice(PREFIX.length)) as [string, string])[1];
}

function legacyKey(owner: Pick<SecretOwner, 'key'>): string {
  return `pgBackground.password:${ownNameOf(owner)}`;
}
