/**
 * What the host (src/host/connectionForm) and the connection page (webview/connection) say to each other. The page shows
 * either the form of a connection or the findings of Test Connection. Both sides are typed by this file alone.
 *
 * Passwords go one way. What is typed comes with `test` and `save`; what the host knows (stored, pasted, found in a file)
 * is never sent to the page, which is only told that there is one.
 */
import type { ConnectionStrings } from './connectionStrings';

/** Fields of a profile that the form has as a text; numbers among them too, as they are typed. */
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

/** Fields with a list of choices; '' leaves the field out, so that libpq's default holds. */
export const CHOICES = {
  sslmode: ['', 'disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'],
  channelBinding: ['', 'disable', 'prefer', 'require'],
  targetSessionAttrs: ['', 'any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'],
  /** How the password is got: kept in secret storage, looked up as libpq does, asked for, or printed by a command. */
  passwordFrom: ['stored', 'lookup', 'ask', 'command'],
  /** Whose settings it is saved in. */
  scope: ['user', 'workspace'],
} as const;
export type ChoiceField = keyof typeof CHOICES;

export const FLAG_FIELDS = ['keepalives', 'production', 'allowCleartextPassword'] as const;
export type FlagField = (typeof FLAG_FIELDS)[number];

export type FormField = TextField | ChoiceField | FlagField;

/** All that the form holds, but passwords. */
export type FormValues = Readonly<Record<TextField, string>> & {
  readonly [K in ChoiceField]: (typeof CHOICES)[K][number];
} & Readonly<Record<FlagField, boolean>> & {
    /** Fields of the profile that the form does not show and keeps as they are. */
    readonly rest: Readonly<Record<string, string | number | boolean>>;
  };

/** Sentences by the field they are about. `password` and `paste` are controls without a value here. */
export type Problems = Readonly<Partial<Record<FormField | 'password' | 'paste', string>>>;

/** Fields whose file may be chosen in a dialog. */
export const FILE_FIELDS = ['sslrootcert', 'sslcert', 'sslkey'] as const;
export type FileField = (typeof FILE_FIELDS)[number];

/** Where a password is that the page does not have. */
export type KnownPassword = 'none' | 'stored' | 'taken';

export type FindingStatus = 'ok' | 'info' | 'warning' | 'error';

export interface FixView {
  readonly title: string;
  readonly sql?: string;
  /** The SQL can be run from here. */
  readonly mayRun?: boolean;
  /** Something that the host does by itself. */
  readonly does?: boolean;
}

export interface FindingView {
  readonly status: FindingStatus;
  readonly title: string;
  readonly detail: string;
  readonly fixes: readonly FixView[];
}

/** How an examination stands; `number` grows with each. */
export interface ExaminationView {
  readonly number: number;
  readonly running: boolean;
  /** One sentence on the outcome; '' while it runs. */
  readonly summary: string;
  readonly findings: readonly FindingView[];
}

/** Something that a connection may be filled in from; only its label is told before it is taken. */
export interface OfferView {
  readonly label: string;
  /** Where it was found. */
  readonly detail: string;
}

interface InitBase {
  readonly type: 'init';
  readonly strings: ConnectionStrings;
  /** BCP 47. */
  readonly language: string;
  readonly title: string;
  readonly examination?: ExaminationView;
}

export interface FormInit extends InitBase {
  readonly kind: 'form';
  /** The connection that is edited; undefined for a new one. */
  readonly editing?: string;
  readonly values: FormValues;
  readonly password: KnownPassword;
  /** The sentence on where connections start. */
  readonly origin: string;
  /** Whether there is a workspace to save in. */
  readonly hasWorkspace: boolean;
}

export interface DoctorInit extends InitBase {
  readonly kind: 'doctor';
  readonly connection: string;
  /** Where it leads, without a password. */
  readonly place: string;
}

/** From the host to the page. */
export type ToConnectionPage =
  | FormInit
  | DoctorInit
  /** The fields are to show this: an address was read, or an offer was taken. `said` tells what and what was left out. */
  | { readonly type: 'fill'; readonly values: FormValues; readonly password: KnownPassword; readonly said: string }
  /** The faults of the last `check`, `test`, `save` or `paste`; `all`: also of fields that were not touched. */
  | { readonly type: 'problems'; readonly problems: Problems; readonly all: boolean }
  /** What a test has found about a field; the keyboard stays where it is. */
  | { readonly type: 'mark'; readonly field: FormField | 'password'; readonly problem: string }
  | { readonly type: 'password'; readonly password: KnownPassword; readonly said: string }
  | { readonly type: 'offers'; readonly offers: readonly OfferView[] }
  | { readonly type: 'file'; readonly field: FileField; readonly path: string }
  | { readonly type: 'examination'; readonly examination: ExaminationView }
  /** Show the control that a fix is about. */
  | { readonly type: 'focus'; readonly field: FormField | 'password' }
  /** It is saved: what was typed as a password is to be forgotten. */
  | { readonly type: 'saved' }
  | { readonly type: 'said'; readonly message: string; readonly severity: 'info' | 'error' };

export const FIX_WAYS = ['copy', 'run', 'do'] as const;
export type FixWay = (typeof FIX_WAYS)[number];

/** From the page to the host. Nothing in it is trusted: see src/host/connectionPages/formMessages.ts. */
export type FromConnectionPage =
  /** The page listens; the host answers with `init`. */
  | { readonly type: 'ready' }
  | { readonly type: 'check'; readonly values: FormValues }
  /** A URI or DSN that was entered, with the other fields as they are. */
  | { readonly type: 'paste'; readonly text: string; readonly values: FormValues }
  /** `password` is left out where nothing was typed. */
  | { readonly type: 'test'; readonly values: FormValues; readonly password?: string }
  | { readonly type: 'save'; readonly values: FormValues; readonly password?: string }
  | { readonly type: 'offers' }
  /** Takes the offer of that place in the last list. */
  | { readonly type: 'take'; readonly offer: number; readonly values: FormValues }
  | { readonly type: 'browse'; readonly field: FileField }
  /** Forgets the stored password, or the one that was taken. */
  | { readonly type: 'forget' }
  | { readonly type: 'cancelTest' }
  /** Examines again what was examined last. */
  | { readonly type: 'again' }
  | { readonly type: 'edit' }
  /** Closes the form without saving. */
  | { readonly type: 'close' }
  | {
      readonly type: 'fix';
      /** Of the examination that is shown: a fix of another one is passed over. */
      readonly examination: number;
      readonly finding: number;
      readonly fix: number;
      readonly way: FixWay;
    };

/** What the page keeps over a reload (`setState`). It never has a password in it, and so no pasted address either. */
export type SavedConnectionPage =
  | {
      readonly version: 1;
      readonly kind: 'form';
      readonly editing?: string;
      readonly values: FormValues;
      readonly advanced: boolean;
    }
  | { readonly version: 1; readonly kind: 'doctor'; readonly connection: string };
