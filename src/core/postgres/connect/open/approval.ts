/** Approval to use the user's own secrets for a connection that files of a workspace define. */
import type { Binding } from './bindingParts';

/** A secret of the user that a connection would use. */
export type OwnSecret =
  /** A command whose output is the password. */
  | { readonly kind: 'command'; readonly command: string }
  /** `PGPASSWORD` or the service file; `source` is its name. */
  | { readonly kind: 'parameter'; readonly source: string }
  | { readonly kind: 'passfile'; readonly file: string }
  | { readonly kind: 'clientKey'; readonly file: string };

export interface ApprovalRequest {
  readonly binding: Binding;
  readonly secrets: readonly OwnSecret[];
}

/**
 * Resolves to true if the secrets may be used for the target.
 * @param ask false: only an earlier approval counts, and the user is not asked
 * @throws ConnectError ('notApproved') if the user would have to be asked and cannot be
 */
export type Approve = (request: ApprovalRequest, ask: boolean) => Promise<boolean>;
