import * as v from 'valibot';
import type { SecretStorage } from 'vscode';
import type { Logger } from '../../core/base/logger';
import { BINDING_PARTS, type Binding, type BindingPart } from '../../core/postgres/connect/open/bindingParts';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import { scopeOf, type ConnectionEntry } from './connectionEntries';

/** The connection that a password belongs to, and the place to which it may be sent. */
export interface SecretOwner {
  /** The scope of the connection's definition, and its name there. */
  readonly key: string;
  /** The connection's resolved target. */
  readonly place: Place;
}

/** A target as seen from one computer: `localhost` and file paths mean something else on another one. */
export type Place = Binding & { readonly machine: string };

export type PlacePart = BindingPart | 'machine';

export interface StoredPassword {
  readonly password?: string;
  /** A password is stored for another target: these parts differ, or the target is not known ('unknown'). */
  readonly changed?: readonly Change[] | 'unknown';
}

export interface Change {
  readonly part: PlacePart;
  readonly before: string;
  readonly now: string;
}

/** Version 1 bound a password to these fields of the profile, and not to the values that a service or a variable gives them. */
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
 * core/postgres/connect/open/binding.ts), and is returned only if all of these are the same. So neither a `git pull` that changes
 * settings, `pg_service.conf`, or a certificate in the repository, nor an environment variable, can send it elsewhere.
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

  /** @param binding the connection's target; undefined if it cannot be resolved, and then no password matches */
  ownerOf({ origin, ownName }: Owned, binding: Binding | undefined): SecretOwner {
    const scope = origin.kind === 'workspace' ? `workspace:${this.#here.workspace}` : scopeOf(origin);
    const unknown = Object.fromEntries(BINDING_PARTS.map((part) => [part, ''])) as Binding;
    return { key: keyOf(scope, ownName), place: { ...(binding ?? unknown), machine: this.#here.machine } };
  }

  async get(owner: SecretOwner, { profile }: Pick<ConnectionEntry, 'profile'>): Promise<StoredPassword> {
    const kept = await this.#read(owner.key);
    if (kept === undefined) return this.#adoptLegacy(owner, profile);
    if (kept.place === undefined) return this.#upgrade(owner, kept, profile);
    const changed = changesOf(kept.place, owner.place);
    return changed.length === 0 ? { password: kept.password } : { changed };
  }

  async set(owner: SecretOwner, password: string): Promise<void> {
    await this.#secrets.store(owner.key, JSON.stringify({ version: 2, place: owner.place, password }));
  }

  /** Forgets the connection's password, whatever its place and version. */
  async forget(owner: Pick<SecretOwner, 'key'>): Promise<void> {
    await this.#secrets.delete(owner.key);
    await this.#secrets.delete(legacyKey(owner));
  }

  /**
   * Adopts a password from before passwords were bound, when they were stored by name alone. Only a connection of the user's settings
   * gets it, never one of a workspace, because its original connection is not known.
   */
  async #adoptLegacy(owner: SecretOwner, profile: ConnectionProfile): Promise<StoredPassword> {
    if (owner.key !== keyOf('user', ownNameOf(owner))) return {};
    const password = await this.#secrets.get(legacyKey(owner));
    if (password === undefined) return {};
    if (!isExplicit(profile)) return { changed: 'unknown' };
    await this.set(owner, password);
    await this.#secrets.delete(legacyKey(owner));
    return { password };
  }

  /** Binds a password of version 1 to the resolved target, but only if the target depends on nothing but the profile. */
  async #upgrade(owner: SecretOwner, kept: Kept, profile: ConnectionProfile): Promise<StoredPassword> {
    const fields = JSON.stringify([...V1_FIELDS.map((field) => String(profile[field] ?? '')), owner.place.machine]);
    if (fields !== kept.v1 || !isExplicit(profile)) return { changed: 'unknown' };
    await this.set(owner, kept.password);
    return { password: kept.password };
  }

  async #read(key: string): Promise<Kept | undefined> {
    const text = await this.#secrets.get(key);
    if (text === undefined) return undefined;
    const value = parseJson(text);
    const current = v.safeParse(storedSchema, value);
    if (current.success) return current.output;
    const old = v.safeParse(storedV1Schema, value);
    if (old.success) return { v1: old.output[0], password: old.output[1] };
    // The text may be a password, so it is not logged.
    this.#log.warn('A stored password is malformed and must be entered again.');
    return undefined;
  }
}

const storedSchema = v.object({
  version: v.literal(2),
  place: v.record(v.string(), v.unknown()),
  password: v.string(),
});

/** The fields of {@link V1_FIELDS} as JSON, then the password. */
const storedV1Schema = v.looseTuple([v.string(), v.string()]);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
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

/** Whether the profile alone defines the target and the protection of the password. */
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
