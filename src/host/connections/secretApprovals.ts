import { createHash } from 'node:crypto';
import type { Memento } from 'vscode';
import type { ApprovalRequest } from '../../core/postgres/connect/open/approval';
import { BINDING_PARTS } from '../../core/postgres/connect/open/bindingParts';

/** The decision on a request to use the user's own secrets. `unasked`: there is none, and the user may not be asked now. */
export type Decision = 'approved' | 'denied' | 'unasked';

/**
 * The user's approvals of sending their own secrets to the target of a connection that a workspace defines. An approval is for one
 * resolved target and one set of secrets, including the password command: if any of it changes, the user is asked again. Approvals
 * are stored as hashes in VS Code's global state, which no workspace can write; denials last until the window is closed.
 */
export class SecretApprovals {
  readonly #denied = new Set<string>();
  readonly #pending = new Map<string, Promise<Decision>>();

  readonly #memory: Pick<Memento, 'get' | 'update'>;
  readonly #machine: string;
  /** @returns true only if the user approves */
  readonly #ask: (connection: string, request: ApprovalRequest) => PromiseLike<boolean | undefined>;

  constructor(
    memory: Pick<Memento, 'get' | 'update'>,
    machine: string,
    ask: (connection: string, request: ApprovalRequest) => PromiseLike<boolean | undefined>,
  ) {
    this.#memory = memory;
    this.#machine = machine;
    this.#ask = ask;
  }

  /** @param mayPrompt whether the user wants this connection now and can be asked */
  async decide(connection: string, request: ApprovalRequest, mayPrompt: boolean): Promise<Decision> {
    const key = this.#keyOf(request);
    if (this.#memory.get<boolean>(key) === true) return 'approved';
    if (this.#denied.has(connection + key)) return 'denied';
    const pending = this.#pending.get(connection + key);
    if (pending) return pending;
    if (!mayPrompt) return 'unasked';
    // Sessions that are opened at the same time share one question.
    const decision = this.#askUser(connection, key, request).finally(() => this.#pending.delete(connection + key));
    this.#pending.set(connection + key, decision);
    return decision;
  }

  /** Forgets the denials for a connection: call it when the user tries to use the connection again. */
  forgetDenials(connection: string): void {
    for (const denied of this.#denied) if (denied.startsWith(connection + PREFIX)) this.#denied.delete(denied);
  }

  async #askUser(connection: string, key: string, request: ApprovalRequest): Promise<Decision> {
    if ((await this.#ask(connection, request)) !== true) {
      this.#denied.add(connection + key);
      return 'denied';
    }
    await this.#memory.update(key, true);
    return 'approved';
  }

  #keyOf({ binding, secrets }: ApprovalRequest): string {
    const target = [this.#machine, ...BINDING_PARTS.map((part) => binding[part]), secrets];
    return PREFIX + createHash('sha256').update(JSON.stringify(target)).digest('hex');
  }
}

const PREFIX = 'approvedTarget:';
