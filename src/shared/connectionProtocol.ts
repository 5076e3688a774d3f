/**
 * Messages from the host (src/host/connectionPages) to the connection page (webview/connection). The page shows either the
 * connection form or the report of Test Connection. The page's messages to the host: connectionRequests.ts.
 *
 * Passwords go in one direction. What the user types is sent with `test` and `save`. A password that the host has (stored,
 * pasted, or found in a file) is never sent to the page, which only learns that it exists.
 */
import type { FileField, FormField } from './connectionFields';
import type { FormValues } from './connectionRequests';
import type { ConnectionStrings } from './connectionStrings';

/** Sentences by field. `password` and `paste` are controls that are not part of the values. */
export type Problems = Readonly<Partial<Record<FormField | 'password' | 'paste', string>>>;

/** The password that the host has. `imported`: from a pasted string or an offer, not stored yet. */
export type KnownPassword = 'none' | 'stored' | 'imported';

export type FindingStatus = 'ok' | 'info' | 'warning' | 'error';

export interface FixView {
  readonly title: string;
  readonly sql?: string;
  /** The SQL can be run from here. */
  readonly mayRun?: boolean;
  /** The host has an action for this fix. */
  readonly acts?: boolean;
}

export interface FindingView {
  readonly status: FindingStatus;
  readonly title: string;
  readonly detail: string;
  readonly fixes: readonly FixView[];
}

/** The report of a test, finished or not. */
export interface TestReport {
  /** Increases with each test. */
  readonly number: number;
  readonly running: boolean;
  /** One sentence on the outcome; '' while the test runs. */
  readonly summary: string;
  readonly findings: readonly FindingView[];
}

/** A source from which the form can be filled. Its values stay in the host until the user chooses it. */
export interface OfferView {
  readonly label: string;
  /** Where it was found, or where it connects. */
  readonly detail: string;
}

interface InitBase {
  readonly type: 'init';
  readonly strings: ConnectionStrings;
  /** BCP 47. */
  readonly language: string;
  readonly title: string;
  readonly report?: TestReport;
}

export interface FormInit extends InitBase {
  readonly kind: 'form';
  /** The connection being edited; undefined for a new one. */
  readonly editing?: string;
  readonly values: FormValues;
  readonly password: KnownPassword;
  /** A sentence that names the computer from which connections start. */
  readonly hostLocation: string;
  /** Whether there is a workspace to save in. */
  readonly hasWorkspace: boolean;
}

export interface TestInit extends InitBase {
  readonly kind: 'test';
  readonly connection: string;
  /** The URI of the connection, without a password. */
  readonly uri: string;
}

export type ToConnectionPage =
  | FormInit
  | TestInit
  /** Replaces the values of the form. `message`: what was filled in and what was skipped. */
  | { readonly type: 'fill'; readonly values: FormValues; readonly password: KnownPassword; readonly message: string }
  /** The problems of the last `check`, `test`, `save`, or `paste`. `all`: show also those of fields that were not touched. */
  | { readonly type: 'problems'; readonly problems: Problems; readonly all: boolean }
  /** A problem with a field that a test found. The keyboard focus does not move. */
  | { readonly type: 'mark'; readonly field: FormField | 'password'; readonly problem: string }
  | { readonly type: 'password'; readonly password: KnownPassword; readonly message: string }
  | { readonly type: 'offers'; readonly offers: readonly OfferView[] }
  | { readonly type: 'file'; readonly field: FileField; readonly path: string }
  | { readonly type: 'report'; readonly report: TestReport }
  /** Moves the keyboard focus to the control that a fix is about. */
  | { readonly type: 'focus'; readonly field: FormField | 'password' }
  /** The connection is saved: the page discards the typed password. */
  | { readonly type: 'saved' }
  | { readonly type: 'message'; readonly message: string; readonly severity: 'info' | 'error' };
