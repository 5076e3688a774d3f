/**
 * The fields of the connection form. Most are fields of a connection profile (src/core/postgres/connect/conninfo/profile.ts); a
 * test compares the two lists.
 */

/** Fields with a text, including numbers as typed. */
export const TEXT_FIELDS = [
  'name',
  'host',
  'port',
  'database',
  'user',
  'passwordCommand',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'searchPath',
  'role',
  'options',
  'applicationName',
  'connectTimeoutSeconds',
  'keepalivesIdleSeconds',
  'service',
  'color',
] as const;
export type TextField = (typeof TEXT_FIELDS)[number];

/** Fields with a list of choices. '' leaves the field out of the profile, so that libpq's default applies. */
export const CHOICES = {
  sslmode: ['', 'disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'],
  channelBinding: ['', 'disable', 'prefer', 'require'],
  targetSessionAttrs: ['', 'any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'],
  /** Where the password comes from: secret storage, libpq's lookup, a prompt, or the output of a command. */
  passwordFrom: ['stored', 'lookup', 'ask', 'command'],
  /** The settings to save the connection in. */
  scope: ['user', 'workspace'],
} as const;
export type ChoiceField = keyof typeof CHOICES;
export const CHOICE_FIELDS = Object.keys(CHOICES) as ChoiceField[];

export const FLAG_FIELDS = ['keepalives', 'production', 'readOnly', 'allowCleartextPassword'] as const;
export type FlagField = (typeof FLAG_FIELDS)[number];

export type FormField = TextField | ChoiceField | FlagField;

/** Fields with a path that the user can choose in a dialog. */
export const FILE_FIELDS = ['sslrootcert', 'sslcert', 'sslkey'] as const;
export type FileField = (typeof FILE_FIELDS)[number];

/** What to do with a fix of a test report: copy its SQL, run its SQL, or perform its action. */
export const FIX_WAYS = ['copy', 'run', 'act'] as const;
export type FixWay = (typeof FIX_WAYS)[number];
