import type { Fault } from '../../core/base/fault';
import { validateProfile, type ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type { EntryFault } from './entryFaults';

/** Where a connection is defined: in a scope of the settings, or by another extension. */
export type Origin =
  | { readonly kind: 'user' }
  | { readonly kind: 'workspace' }
  | { readonly kind: 'folder'; readonly uri: string; readonly name: string }
  | { readonly kind: 'provider'; readonly id: string; readonly name: string };

/** The unchecked connections of one origin. */
export interface Source {
  readonly origin: Origin;
  readonly values: readonly unknown[];
}

/** A valid connection. */
export interface ConnectionEntry {
  readonly origin: Origin;
  /** The name in its definition. */
  readonly ownName: string;
  /** With the name that is used everywhere else: for a folder or a provider, the own name and theirs. */
  readonly profile: ConnectionProfile;
  /** True if it replaces a connection of the user's settings that has the same name. */
  readonly hidesUsers: boolean;
}

/** An invalid definition, or an origin whose connections are unknown. */
export interface FaultyEntry {
  /** Unique among the faulty entries. */
  readonly id: string;
  readonly name: string;
  readonly fault: Fault;
  readonly origin: Origin;
  /** Its index among the values of its origin; undefined if the fault is about all of them. */
  readonly index?: number;
  readonly field?: string;
}

/**
 * Merges the connections of all origins, those of the workspace first. VS Code would let the array of one scope replace another's;
 * users who have connections of their own and open a workspace with some expect to see both.
 *
 * If the workspace and the user define the same name, the workspace's connection is used. The connections of a folder (in a multi-root
 * workspace) and of a provider always have the name of the folder or provider appended. Otherwise, a connection that is added elsewhere
 * could rename another one, which would then get the wrong jobs and password.
 */
export function readEntries(sources: readonly Source[]): {
  readonly entries: readonly ConnectionEntry[];
  readonly faults: readonly FaultyEntry[];
} {
  const entries: ConnectionEntry[] = [];
  const faults: FaultyEntry[] = [];
  const guarded = guardedOf(sources);
  for (const { origin, values } of [...sources].sort((a, b) => NEARNESS[a.origin.kind] - NEARNESS[b.origin.kind])) {
    const names = new Set<string>();
    values.forEach((value, index) => {
      const ownName = nameOf(value) ?? `#${index + 1}`;
      const addFault = (fault: Fault, field?: string): void => {
        const id = `${scopeOf(origin)}#${index}`;
        faults.push({ id, name: ownName, fault, origin, index, ...(field === undefined ? {} : { field }) });
      };
      const checked = validateProfile(value);
      if ('fault' in checked) addFault(checked.fault, checked.fault.field);
      else if (names.has(ownName)) addFault(sameName(ownName), 'name');
      else {
        const name = knownName(ownName, origin);
        const nearer = entries.findIndex((entry) => entry.profile.name === name);
        const known = entries[nearer];
        const { profile, ignored } = restrict(checked.profile, origin, guarded);
        if (!known) {
          entries.push({ origin, ownName, profile: { ...profile, name }, hidesUsers: false });
          for (const field of ignored) {
            const id = `${scopeOf(origin)}#${index}.${field}`;
            const fault: EntryFault =
              field === 'durableRetentionDays'
                ? { code: 'connections.retentionIgnored' }
                : { code: 'connections.fieldIgnored', params: { field } };
            faults.push({ id, name: ownName, fault, origin, index, field });
          }
        } else if (origin.kind === 'user') entries[nearer] = { ...known, hidesUsers: true };
        else addFault(sameName(name), 'name');
      }
      names.add(ownName);
    });
  }
  return { entries, faults };
}

function sameName(name: string): EntryFault {
  return { code: 'connections.sameName', params: { name } };
}

/** Removes the fields that a workspace's settings may not set: only the user's own settings can make a connection less safe. */
function restrict(
  profile: ConnectionProfile,
  origin: Origin,
  guarded: readonly ConnectionProfile[],
): { readonly profile: ConnectionProfile; readonly ignored: readonly string[] } {
  if (origin.kind !== 'workspace' && origin.kind !== 'folder') return { profile, ignored: [] };
  const { allowCleartextPassword, hostaddr, durableRetentionDays = 0, ...rest } = profile;
  // With an address next to a name, the user's secrets for the name would be sent to that address.
  const redirects = hostaddr !== undefined && profile.host !== undefined && profile.host !== '';
  const ignored = [
    ...(allowCleartextPassword === true ? ['allowCleartextPassword'] : []),
    ...(redirects ? ['hostaddr'] : []),
    // A repository must not delete the user's results.
    ...(durableRetentionDays > 0 ? ['durableRetentionDays'] : []),
  ];
  const same = guarded.filter((own) => own.name === profile.name || hasSameServer(own, profile));
  return {
    profile: {
      ...rest,
      ...(hostaddr === undefined || redirects ? {} : { hostaddr }),
      ...(allowCleartextPassword === false ? { allowCleartextPassword } : {}),
      ...(same.some(({ production }) => production) ? { production: true } : {}),
      ...(same.some(({ readOnly }) => readOnly) ? { readOnly: true } : {}),
    },
    ignored,
  };
}

/** The user's production and read-only connections. A workspace cannot make the same server less than that by another name. */
function guardedOf(sources: readonly Source[]): readonly ConnectionProfile[] {
  return sources
    .filter(({ origin }) => origin.kind === 'user')
    .flatMap(({ values }) => values.map((value) => validateProfile(value)))
    .flatMap((checked) => ('profile' in checked ? [checked.profile] : []))
    .filter(({ production, readOnly }) => production === true || readOnly === true);
}

function hasSameServer(first: ConnectionProfile, second: ConnectionProfile): boolean {
  const server = ({ host, hostaddr, port, service }: ConnectionProfile): string =>
    JSON.stringify([(host ?? hostaddr ?? '').toLowerCase(), String(port ?? ''), service ?? '']);
  const isNamed = [first.host, first.hostaddr, first.service].some((value) => value !== undefined && value !== '');
  return isNamed && server({ ...first, port: first.port ?? 5432 }) === server({ ...second, port: second.port ?? 5432 });
}

const NEARNESS = { workspace: 0, user: 1, folder: 2, provider: 3 } as const;

function knownName(ownName: string, origin: Origin): string {
  return origin.kind === 'folder' || origin.kind === 'provider' ? `${ownName} (${origin.name})` : ownName;
}

/**
 * Finds a connection by name: first a connection of the folder with this own name, then any connection with this name, then a
 * provider's connection with this own name, if it is the only one.
 */
export function findEntry(
  entries: readonly ConnectionEntry[],
  name: string,
  folder?: string,
): ConnectionEntry | undefined {
  const near = entries.find(({ origin, ownName }) => ownName === name && isOf(origin, folder));
  const known = near ?? entries.find(({ profile }) => profile.name === name);
  if (known) return known;
  const provided = entries.filter(({ origin, ownName }) => origin.kind === 'provider' && ownName === name);
  return provided.length === 1 ? provided[0] : undefined;
}

/** The connections for a file: all but those of other folders. */
export function entriesFor(entries: readonly ConnectionEntry[], folder: string | undefined): ConnectionEntry[] {
  return entries.filter(({ origin }) => origin.kind !== 'folder' || isOf(origin, folder));
}

function isOf(origin: Origin, folder: string | undefined): boolean {
  return origin.kind === 'folder' && folder !== undefined && origin.uri === folder;
}

/** Identifies an origin. */
export function scopeOf(origin: Origin): string {
  switch (origin.kind) {
    case 'user':
    case 'workspace':
      return origin.kind;
    case 'folder':
      return `folder:${origin.uri}`;
    case 'provider':
      return `provider:${origin.id}`;
  }
}

/** The name of an unchecked value; undefined if it has none. */
export function nameOf(value: unknown): string | undefined {
  const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
  return typeof name === 'string' ? name : undefined;
}
