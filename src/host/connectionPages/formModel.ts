/** The form as a profile and back: values in, values or a profile out. Knows nothing of VS Code. */
import { fieldProblem, validateProfile, type ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import { type FormValues, type Problems, TEXT_FIELDS, type TextField } from '../../shared/connectionProtocol';

type Scope = FormValues['scope'];
type PasswordFrom = FormValues['passwordFrom'];

/** Fields of a profile that are controls of the form, or that a control stands for. */
const SHOWN: ReadonlySet<string> = new Set([
  ...TEXT_FIELDS,
  'sslmode',
  'channelBinding',
  'targetSessionAttrs',
  'keepalives',
  'production',
  'allowCleartextPassword',
  'askPassword',
]);
/** What is the user's own word about a connection, and so stays when an address is pasted. */
const OWN = ['name', 'color', 'passwordCommand', 'role', 'searchPath'] as const;
const NUMBERS: ReadonlySet<string> = new Set<TextField>(['port', 'connectTimeoutSeconds', 'keepalivesIdleSeconds']);

/** The form of a profile; of a new one where only the scope is given. */
export function valuesOf(profile: Partial<ConnectionProfile>, passwordFrom: PasswordFrom, scope: Scope): FormValues {
  const given = profile as Readonly<Record<string, string | number | boolean | undefined>>;
  const texts = TEXT_FIELDS.map((field) => [field, String(given[field] ?? '')] as const);
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
    allowCleartextPassword: profile.allowCleartextPassword ?? false,
    rest: Object.fromEntries(rest) as FormValues['rest'],
  };
}

/** How the password of a saved profile is got. */
export function passwordFromOf(profile: ConnectionProfile, isStored: boolean): PasswordFrom {
  if (profile.askPassword === true) return 'ask';
  if (profile.passwordCommand !== undefined) return 'command';
  return isStored ? 'stored' : 'lookup';
}

/** Takes over where a connection leads to, and leaves what is the user's own word about it. */
export function fill(values: FormValues, profile: ConnectionProfile, passwordFrom: PasswordFrom): FormValues {
  const own = Object.fromEntries(OWN.map((field) => [field, values[field]]));
  return {
    ...valuesOf(profile, passwordFrom, values.scope),
    ...own,
    production: values.production,
  };
}

/** A name for a connection that has none: what people say of it, made unlike the names that are taken. */
export function suggestName(profile: Partial<ConnectionProfile>, isTaken: (name: string) => boolean): string {
  const host = profile.host === undefined || profile.host === '' ? 'localhost' : profile.host;
  const first = host.split(',')[0] ?? host;
  const base = profile.service ?? `${profile.database ?? profile.user ?? 'postgres'}@${first}`;
  let name = base;
  for (let number = 2; isTaken(name); number++) name = `${base} (${number})`;
  return name;
}

/** The profile that the form describes, or what is wrong with it, by field. */
export function profileOf(values: FormValues): { profile: ConnectionProfile } | { problems: Problems } {
  const given = fieldsOf(values);
  const problems: Record<string, string> = {};
  for (const [field, value] of Object.entries(given)) {
    const problem = fieldProblem(field, value);
    if (problem !== undefined) problems[SHOWN.has(field) ? field : 'name'] = asSentence(problem);
  }
  if (values.sslrootcert.trim() === 'system' && values.sslmode !== '' && values.sslmode !== 'verify-full') {
    problems['sslmode'] = 'It must be "verify-full" where the root certificates are "system".';
  }
  if (Object.keys(problems).length > 0) return { problems };
  const checked = validateProfile(given);
  if ('profile' in checked) return checked;
  // Each field is fine by itself, so the lists of hosts, addresses and ports do not fit each other.
  const sentence = asSentence(checked.problem.replace(/^The connection ".*?" /s, ''));
  return { problems: { [/ports in/.test(sentence) ? 'port' : 'host']: sentence } };
}

function fieldsOf(values: FormValues): Record<string, unknown> & { name: string } {
  const { passwordFrom } = values;
  const texts = TEXT_FIELDS.flatMap((field) => {
    const text = values[field].trim();
    if (field === 'passwordCommand') return passwordFrom === 'command' ? [[field, text]] : [];
    if (text === '' && field !== 'name') return [];
    return [[field, NUMBERS.has(field) && /^\d+$/.test(text) ? Number(text) : text]];
  });
  const choices = (['sslmode', 'channelBinding', 'targetSessionAttrs'] as const).flatMap((field) =>
    values[field] === '' ? [] : [[field, values[field]]],
  );
  return {
    ...(Object.fromEntries([...texts, ...choices]) as { name: string }),
    // What is the default is left out, so that the settings stay short.
    ...(values.keepalives ? {} : { keepalives: false }),
    ...(values.production ? { production: true } : {}),
    ...(values.allowCleartextPassword ? { allowCleartextPassword: true } : {}),
    ...(passwordFrom === 'ask' ? { askPassword: true } : {}),
    ...values.rest,
  };
}

/** The end of a sentence about a connection, as one that stands at the field. */
function asSentence(problem: string): string {
  const must = /: (it must be .*)$/s.exec(problem)?.[1] ?? `It ${problem}`;
  return must.charAt(0).toUpperCase() + must.slice(1);
}

/** On which computer connections start, as VS Code tells it. */
export type Origin = 'local' | 'ssh' | 'wsl' | 'container' | 'codespace' | 'browser' | 'remote';

/**
 * @param remoteName `vscode.env.remoteName`
 * @param besideUi the extension runs beside the window, although that is a remote one's
 * @param web the window is in a browser
 */
export function originOf(remoteName: string | undefined, besideUi: boolean, web: boolean): Origin {
  if (remoteName === undefined) return web ? 'browser' : 'local';
  if (besideUi) return 'local';
  if (remoteName === 'ssh-remote') return 'ssh';
  if (remoteName === 'wsl') return 'wsl';
  if (/container/.test(remoteName)) return 'container';
  if (remoteName === 'codespaces') return 'codespace';
  return web ? 'browser' : 'remote';
}
