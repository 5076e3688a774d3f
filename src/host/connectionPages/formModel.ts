/** Converts a profile to the values of the form and back. Does not depend on VS Code. */
import type { ProfileFault } from '../../core/postgres/connect/conninfo/faults';
import { fieldFault, validateProfile, type ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import { FLAG_FIELDS, type FormField, TEXT_FIELDS, type TextField } from '../../shared/connectionFields';
import type { FormValues } from '../../shared/connectionRequests';

type Scope = FormValues['scope'];
type PasswordFrom = FormValues['passwordFrom'];

const PROFILE_CHOICES = ['sslmode', 'channelBinding', 'targetSessionAttrs'] as const;

/** Fields of a profile that the form shows, directly or (`askPassword`) as part of another control. */
const SHOWN: ReadonlySet<string> = new Set([...TEXT_FIELDS, ...PROFILE_CHOICES, ...FLAG_FIELDS, 'askPassword']);

/** The user's own settings for a connection, which stay when a connection string is pasted. */
const OWN = ['name', 'color', 'passwordCommand', 'role', 'searchPath'] as const;
const NUMBERS: ReadonlySet<string> = new Set<TextField>(['port', 'connectTimeoutSeconds', 'keepalivesIdleSeconds']);

/** Returns the form's values for a profile; for a new connection, `profile` is empty. */
export function valuesOf(profile: Partial<ConnectionProfile>, passwordFrom: PasswordFrom, scope: Scope): FormValues {
  const given = profile as Readonly<Record<string, FormValues['rest'][string] | undefined>>;
  const texts = TEXT_FIELDS.map((field) => [field, String(profile[field] ?? '')] as const);
  const rest = Object.entries(given).filter(([field, value]) => value !== undefined && !SHOWN.has(field));
  return {
    ...(Object.fromEntries(texts) as Record<TextField, string>),
    sslmode: profile.sslmode ?? '',
    channelBinding: profile.channelBinding ?? '',
    targetSessionAttrs: profile.targetSessionAttrs ?? '',
    passwordFrom,
    scope,
    keepalives: profile.keepalives ?? true,
    production: profile.production ?? false,
    readOnly: profile.readOnly ?? false,
    allowCleartextPassword: profile.allowCleartextPassword ?? false,
    rest: Object.fromEntries(rest) as FormValues['rest'],
  };
}

/** Returns where the password of a saved profile comes from. */
export function passwordFromOf(profile: ConnectionProfile, isStored: boolean): PasswordFrom {
  if (profile.askPassword === true) return 'ask';
  if (profile.passwordCommand !== undefined) return 'command';
  return isStored ? 'stored' : 'lookup';
}

/** Replaces the connection's target, and keeps the user's own settings. */
export function fill(values: FormValues, profile: ConnectionProfile, passwordFrom: PasswordFrom): FormValues {
  const own = Object.fromEntries(OWN.map((field) => [field, values[field]]));
  return {
    ...valuesOf(profile, passwordFrom, values.scope),
    ...own,
    production: values.production,
    readOnly: values.readOnly,
  };
}

/** Suggests a name for a connection without one: database@host, with a number if that name is taken. */
export function suggestName(profile: Partial<ConnectionProfile>, isTaken: (name: string) => boolean): string {
  const host = profile.host === undefined || profile.host === '' ? 'localhost' : profile.host;
  const first = host.split(',')[0] ?? host;
  const base = profile.service ?? `${profile.database ?? profile.user ?? 'postgres'}@${first}`;
  let name = base;
  for (let number = 2; isTaken(name); number++) name = `${base} (${number})`;
  return name;
}

/** The faults of a form, by the control that shows them. */
export type FormFaults = Readonly<Partial<Record<FormField, ProfileFault>>>;

/** Returns the profile that the form describes, or its faults. Faults of fields that the form does not show are under `name`. */
export function profileOf(values: FormValues): { profile: ConnectionProfile } | { faults: FormFaults } {
  const given = fieldsOf(values);
  const found = Object.entries(given).flatMap(([field, value]) => fieldFault(field, value) ?? []);
  const { sslmode, sslrootcert } = values;
  if (sslrootcert.trim() === 'system' && sslmode !== '' && sslmode !== 'verify-full') {
    found.push({ code: 'profile.systemNeedsVerifyFull', field: 'sslmode', params: { sslmode } });
  }
  // If each field is valid by itself, the numbers of hosts, addresses, and ports may still not match.
  const checked = found.length === 0 ? validateProfile(given) : { fault: undefined };
  if ('profile' in checked) return checked;
  if (checked.fault) found.push(checked.fault);
  return { faults: Object.fromEntries(found.map((fault) => [controlOf(fault), fault])) };
}

function controlOf({ field = '' }: ProfileFault): string {
  return SHOWN.has(field) ? field : 'name';
}

function fieldsOf(values: FormValues): Record<string, unknown> & { name: string } {
  const { passwordFrom } = values;
  const texts = TEXT_FIELDS.flatMap((field) => {
    const text = values[field].trim();
    if (field === 'passwordCommand') return passwordFrom === 'command' ? [[field, text]] : [];
    if (text === '' && field !== 'name') return [];
    return [[field, NUMBERS.has(field) && /^\d+$/.test(text) ? Number(text) : text]];
  });
  const choices = PROFILE_CHOICES.flatMap((field) => (values[field] === '' ? [] : [[field, values[field]]]));
  return {
    ...(Object.fromEntries([...texts, ...choices]) as { name: string }),
    // Defaults are omitted, so that the settings stay short.
    ...(values.keepalives ? {} : { keepalives: false }),
    ...(values.production ? { production: true } : {}),
    ...(values.readOnly ? { readOnly: true } : {}),
    ...(values.allowCleartextPassword ? { allowCleartextPassword: true } : {}),
    ...(passwordFrom === 'ask' ? { askPassword: true } : {}),
    ...values.rest,
  };
}

/** Where the extension host runs, and therefore connections start. */
export type HostLocation = 'local' | 'ssh' | 'wsl' | 'container' | 'codespace' | 'browser' | 'remote';

/**
 * @param remoteName `vscode.env.remoteName`
 * @param runsLocally the extension runs on the user's computer, although the window is connected to a remote one
 * @param web the window is in a browser
 */
export function hostLocationOf(remoteName: string | undefined, runsLocally: boolean, web: boolean): HostLocation {
  if (remoteName === undefined) return web ? 'browser' : 'local';
  if (runsLocally) return 'local';
  if (remoteName === 'ssh-remote') return 'ssh';
  if (remoteName === 'wsl') return 'wsl';
  if (/container/.test(remoteName)) return 'container';
  if (remoteName === 'codespaces') return 'codespace';
  return web ? 'browser' : 'remote';
}
