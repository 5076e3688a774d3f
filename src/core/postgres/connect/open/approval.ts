/** Approval of secrets: whether the user's own secrets may be used for a connection that somebody else wrote. */
import type { Binding } from './bindingParts';

/** A secret of the user that a connection would use. */
export type OwnSecret =
  /** A program that is run; its output is the password. */
  | { readonly kind: 'command'; readonly command: string }
  /** `PGPASSWORD`, or the service file; `source` says which. */
  | { readonly kind: 'parameter'; readonly source: string }
  | { readonly kind: 'passfile'; readonly file: string }
  | { readonly kind: 'clientKey'; readonly file: string };

export interface ApprovalRequest {
  readonly binding: Binding;
  readonly secrets: readonly OwnSecret[];
}

/**
 * Says whether the secrets may be used for the target.
 * @param ask false: only what was approved before counts, and nobody is asked
 * @throws ConnectError ('notApproved') if nobody can be asked
 */
export type Approve = (request: ApprovalRequest, ask: boolean) => Promise<boolean>;
