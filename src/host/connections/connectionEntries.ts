import type { Fault } from '../../core/base/fault';
import { validateProfile, type ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';

/** Where a connection is written down, or who provides it. */
export type Origin =
  | { readonly kind: 'user' }
  | { readonly kind: 'workspace' }
  | { readonly kind: 'folder'; readonly uri: string; readonly name: string }
  | { readonly kind: 'provider'; readonly id: string; readonly name: string };

/** What one place holds, not yet checked. */
export interface Source {
  readonly origin: Origin;
  readonly values: readonly unknown[];
}

/** A connection that can be used. */
export interface ConnectionEntry {
  readonly origin: Origin;
  /** The name that it has where it is written down. */
  readonly ownName: string;
  /** With the name that it is known by everywhere else: of a folder or a provider, the own name and theirs. */
  readonly profile: ConnectionProfile;
  /** True where it takes the place of one of the user's settings that has the same name. */
  readonly hidesUsers: boolean;
}

/** A connection that cannot be used, with the sentence that says why. */
export interface FaultyEntry {
  /** Unique among the faults. */
  readonly id: string;
  readonly name: string;
  readonly problem: string;
  readonly origin: Origin;
  /** Its place among the values of its origin; undefined where it is about all of them. */
  readonly index?: number;
  readonly field?: string;
}

/** Texts that the host translates. */
export interface EntryWords {
  invalid(fault: Fault): string;
  sameName(name: string): string;
  /** A field that counts only in the user's own settings. */
  ignored(field: string): string;
}

/**
 * The connections of all places, the nearest first. VS Code lets the array of one scope replace another's; people who have
 * connections of their own and open a workspace with some expect to see both.
 *
 * Of the settings of a workspace and of a user the nearer one counts where both have a name. A folder (of several) and a
 * provider have their name added to each connection's, always, so that no connection gets another name, and with it the jobs
 * and the password of another one, because somewhere else one was added.
 */
export function readEntries(
  sources: readonly Source[],
  words: EntryWords,
): { readonly entries: readonly ConnectionEntry[]; readonly faults: readonly FaultyEntry[] } {
  const entries: ConnectionEntry[] = [];
  const faults: FaultyEntry[] = [];
  const guarded = productionOf(sources);
  for (const { origin, values } of [...sources].sort((a, b) => NEARNESS[a.origin.kind] - NEARNESS[b.origin.kind])) {
    const names = new Set<string>();
    values.forEach((value, index) => {
      const ownName = nameOf(value) ?? `#${index + 1}`;
      const fault = (problem: string, field?: string): void => {
        const id = `${scopeOf(origin)}#${index}`;
        faults.push({ id, name: ownName, problem, origin, index, ...(field === undefined ? {} : { field }) });
      };
      const checked = validateProfile(value);
      if ('fault' in checked) fault(words.invalid(checked.fault), checked.fault.field);
      else if (names.has(ownName)) fault(words.sameName(ownName), 'name');
      else {
        const name = knownName(ownName, origin);
        const nearer = entries.findIndex((one) => one.profile.name === name);
        const known = entries[nearer];
        const { profile, ignored } = restrict(checked.profile, origin, guarded);
        if (!known) {
          entries.push({ origin, ownName, profile: { ...profile, name }, hidesUsers: false });
          for (const field of ignored) {
            const id = `${scopeOf(origin)}#${index}.${field}`;
            faults.push({ id, name: ownName, problem: words.ignored(field), origin, index, field });
          }
        } else if (origin.kind === 'user') entries[nearer] = { ...known, hidesUsers: true };
        else fault(words.sameName(name), 'name');
      }
      names.add(ownName);
    });
  }
  return { entries, faults };
}

/** What a workspace's settings may say, and what they may not: the user's own settings alone make a connection less safe. */
function restrict(
  profile: ConnectionProfile,
  origin: Origin,
  guarded: readonly ConnectionProfile[],
): { readonly profile: ConnectionProfile; readonly ignored: readonly string[] } {
  if (origin.kind !== 'workspace' && origin.kind !== 'folder') return { profile, ignored: [] };
  const { allowCleartextPassword, hostaddr, ...rest } = profile;
  // An address next to a name sends to that address what the user has for the name.
  const redirects = hostaddr !== undefined && profile.host !== undefined && profile.host !== '';
  const ignored = [
    ...(allowCleartextPassword === true ? ['allowCleartextPassword'] : []),
    ...(redirects ? ['hostaddr'] : []),
  ];
  const asksFirst = guarded.some((own) => own.name === profile.name || leadsToSame(own, profile));
  return {
    profile: {
      ...rest,
      ...(hostaddr === undefined || redirects ? {} : { hostaddr }),
      ...(allowCleartextPassword === false ? { allowCleartextPassword } : {}),
      ...(asksFirst ? { production: true } : {}),
    },
    ignored,
  };
}

/** The user's connections of production: another name for the same server does not make it less than that. */
function productionOf(sources: readonly Source[]): readonly ConnectionProfile[] {
  return sources
    .filter(({ origin }) => origin.kind === 'user')
    .flatMap(({ values }) => values.map((value) => validateProfile(value)))
    .flatMap((checked) => ('profile' in checked && checked.profile.production === true ? [checked.profile] : []));
}

function leadsToSame(one: ConnectionProfile, other: ConnectionProfile): boolean {
  const place = ({ host, hostaddr, port, service }: ConnectionProfile): string =>
    JSON.stringify([(host ?? hostaddr ?? '').toLowerCase(), String(port ?? ''), service ?? '']);
  const named = [one.host, one.hostaddr, one.service].some((value) => value !== undefined && value !== '');
  return named && place({ ...one, port: one.port ?? 5432 }) === place({ ...other, port: other.port ?? 5432 });
}

const NEARNESS = { workspace: 0, user: 1, folder: 2, provider: 3 } as const;

function knownName(ownName: string, origin: Origin): string {
  return origin.kind === 'folder' || origin.kind === 'provider' ? `${ownName} (${origin.name})` : ownName;
}

/**
 * The connection that a name means: in a file of a folder first one of that folder, then one that is known by this name, then
 * a provider's by its own name where only one has it.
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

/** What is offered for a file: all but the connections of other folders. */
export function entriesFor(entries: readonly ConnectionEntry[], folder: string | undefined): ConnectionEntry[] {
  return entries.filter(({ origin }) => origin.kind !== 'folder' || isOf(origin, folder));
}

function isOf(origin: Origin, folder: string | undefined): boolean {
  return origin.kind === 'folder' && folder !== undefined && origin.uri === folder;
}

/** A text that is the same only for the same place. */
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

/** The name of an entry that may be anything. */
export function nameOf(value: unknown): string | undefined {
  const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
  return typeof name === 'string' ? name : undefined;
}
