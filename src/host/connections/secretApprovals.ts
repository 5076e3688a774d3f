import { createHash } from 'node:crypto';
import type { Memento } from 'vscode';
import type { ApprovalRequest } from '../../core/postgres/connect/open/approval';
import { BINDING_PARTS } from '../../core/postgres/connect/open/bindingParts';

/** How a request to use the user's own secrets was decided. `unasked`: it was not, and nobody may be asked now. */
export type Decision = 'approved' | 'denied' | 'unasked';

/**
 * Which targets the user has allowed to receive their own secrets though the connection is not theirs. An approval is for one
 * resolved target and one set of secrets, the command included: if any of it changes, the user is asked again. Approvals are kept
 * by hash in VS Code's global state, which no workspace can write; refusals only until the window is closed.
 */
export class SecretApprovals {
  readonly #denied = new Set<string>();
  readonly #asking = new Map<string, Promise<Decision>>();

  readonly #memory: Pick<Memento, 'get' | 'update'>;
  readonly #machine: string;
  /** @returns undefined or false if the user does not want it */
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

  /** @param mayAsk whether the user is there and wants this connection now */
  async decide(connection: string, request: ApprovalRequest, mayAsk: boolean): Promise<Decision> {
    const key = this.#keyOf(request);
    if (this.#memory.get<boolean>(key) === true) return 'approved';
    if (this.#denied.has(connection + key)) return 'denied';
    const asking = this.#asking.get(connection + key);
    if (asking) return asking;
    if (!mayAsk) return 'unasked';
    // Sessions that are opened at the same time share one question.
    const asked = this.#decide(connection, key, request).finally(() => this.#asking.delete(connection + key));
    this.#asking.set(connection + key, asked);
    return asked;
  }

  /** The user wants the connection once more: a refusal does not count any longer. */
  askAgain(connection: string): void {
    for (const one of this.#denied) if (one.startsWith(connection + PREFIX)) this.#denied.delete(one);
  }

  async #decide(connection: string, key: string, request: ApprovalRequest): Promise<Decision> {
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
