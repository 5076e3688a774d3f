import type { SecretStorage } from 'vscode';
import type { Logger } from '../core/jobs/ports';
import type { ConnectionProfile } from '../core/postgres/connect/profile';
import { scopeOf, type ConnectionEntry } from './connectionEntries';

/** Whose password it is, and where it may be sent. */
export interface SecretOwner {
  /** Where the connection is written down, and its name there. */
  readonly key: string;
  /** The server and the user that it is for, and how it is guarded on its way. */
  readonly place: string;
}

/** What decides to whom a password is sent, and how safe it is on its way there. */
const PLACE_FIELDS = [
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

/**
 * Passwords in VS Code's secret storage. Each is bound to the scope and the name of its connection, and is given out only for
 * the server, the user and the safety that it was entered for: a workspace whose settings have a connection of a name that the
 * user's have too, or whose connection is changed to lead elsewhere (by a `git pull`), does not get it.
 */
export class PasswordStore {
  constructor(
    private readonly secrets: Pick<SecretStorage, 'get' | 'store' | 'delete'>,
    private readonly log: Pick<Logger, 'warn'>,
    /** The window's workspace and machine: one path or "localhost" means another one elsewhere. */
    private readonly here: { readonly workspace: string; readonly machine: string },
  ) {}

  ownerOf({ origin, ownName, profile }: Pick<ConnectionEntry, 'origin' | 'ownName' | 'profile'>): SecretOwner {
    const scope = origin.kind === 'workspace' ? `workspace:${this.here.workspace}` : scopeOf(origin);
    const place = PLACE_FIELDS.map((field) => String(profile[field] ?? ''));
    return { key: keyOf(scope, ownName), place: JSON.stringify([...place, this.here.machine]) };
  }

  /** `elsewhere`: there is one, but for another server, another user or less safety. */
  async get(owner: SecretOwner): Promise<{ readonly password?: string; readonly elsewhere: boolean }> {
    const kept = await this.#read(owner.key);
    if (kept === undefined) return this.#takeOver(owner);
    const [place, password] = kept;
    return place === owner.place ? { password, elsewhere: false } : { elsewhere: true };
  }

  async set(owner: SecretOwner, password: string): Promise<void> {
    await this.secrets.store(owner.key, JSON.stringify([owner.place, password]));
  }

  /** Also one that is for another place, and one from before passwords were bound to a place. */
  async forget(owner: SecretOwner): Promise<void> {
    await this.secrets.delete(owner.key);
    await this.secrets.delete(legacyKey(owner));
  }

  /**
   * Before they were bound, passwords were kept by name alone. One of those becomes the user's own connection's; a workspace
   * must not get it, since nobody knows whose it was.
   */
  async #takeOver(owner: SecretOwner): Promise<{ readonly password?: string; readonly elsewhere: boolean }> {
    if (owner.key !== keyOf('user', ownNameOf(owner))) return { elsewhere: false };
    const password = await this.secrets.get(legacyKey(owner));
    if (password === undefined) return { elsewhere: false };
    await this.set(owner, password);
    await this.secrets.delete(legacyKey(owner));
    return { password, elsewhere: false };
  }

  async #read(key: string): Promise<readonly [place: string, password: string] | undefined> {
    const text = await this.secrets.get(key);
    if (text === undefined) return undefined;
    try {
      const [place, password] = JSON.parse(text) as [unknown, unknown];
      if (typeof place === 'string' && typeof password === 'string') return [place, password];
    } catch {
      // Its text may be a password, so it is not shown.
    }
    this.log.warn('A stored password could not be read; it has to be entered again.');
    return undefined;
  }
}

const PREFIX = 'pgBackground.secret:';

function keyOf(scope: string, ownName: string): string {
  return PREFIX + JSON.stringify([scope, ownName]);
}

function ownNameOf({ key }: SecretOwner): string {
  return (JSON.parse(key.slice(PREFIX.length)) as [string, string])[1];
}

function legacyKey(owner: SecretOwner): string {
  return `pgBackground.password:${ownNameOf(owner)}`;
}
