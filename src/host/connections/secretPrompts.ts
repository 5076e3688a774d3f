import type { ApprovalRequest } from '../../core/postgres/connect/open/approval';
import * as ui from '../base/ui';
import { approvalAllow, approvalDetail, approvalTitle } from '../messages/secretMessages';
import type { SecretOwner } from './passwordStore';

/** Asks whether the user's own secrets may be used for a connection that the workspace's files define. */
export async function askForApproval(connection: string, request: ApprovalRequest): Promise<boolean> {
  const allow = approvalAllow();
  const options = { modal: true, detail: approvalDetail(request) };
  return (await ui.showWarningMessage(approvalTitle(connection), options, allow)) === allow;
}

/**
 * Prompts for secrets. All sessions that are being opened share one prompt, and its answer is kept until the window is closed. A
 * dismissed prompt is remembered too, so that background work does not ask again.
 */
export class SecretPrompts {
  readonly #open = new Map<string, Promise<string | undefined>>();
  readonly #answers = new Map<string, ReadonlyMap<string, string>>();
  /** Names of connections. */
  readonly #declined = new Set<string>();

  /** The secret that was entered for exactly this connection and place. */
  remembered(owner: SecretOwner, secret = PASSWORD): string | undefined {
    return this.#answers.get(idOf(owner))?.get(secret);
  }

  remember(owner: SecretOwner, answer: string, secret = PASSWORD): void {
    const id = idOf(owner);
    this.#answers.set(id, new Map(this.#answers.get(id)).set(secret, answer));
  }

  /** Forgets all secrets of the connection, whatever their place. */
  forget({ key }: Pick<SecretOwner, 'key'>): void {
    for (const id of this.#answers.keys()) {
      if ((JSON.parse(id) as [string, unknown])[0] === key) this.#answers.delete(id);
    }
  }

  /** Forgets secrets that turned out to be wrong, and does not prompt for new ones until {@link allow} is called. */
  reject(name: string, owner: SecretOwner): void {
    if (!this.#answers.has(idOf(owner))) return;
    this.#answers.delete(idOf(owner));
    this.#declined.add(name);
  }

  /** Allows prompts for the connection again: call it when the user tries to use the connection. */
  allow(name: string): void {
    this.#declined.delete(name);
  }

  /** The remembered secret or, without one, the user's answer, which is remembered. @param secret which of the connection's secrets */
  async askOnce(name: string, owner: SecretOwner, prompt: string, secret = PASSWORD): Promise<string | undefined> {
    const known = this.remembered(owner, secret);
    if (known !== undefined) return known;
    const answer = await this.ask(name, owner, prompt, secret);
    if (answer !== undefined) this.remember(owner, answer, secret);
    return answer;
  }

  /** The user's answer, which is not remembered: the caller checks it first. Undefined if prompts are not allowed. */
  async ask(name: string, owner: SecretOwner, prompt: string, secret = PASSWORD): Promise<string | undefined> {
    if (this.#declined.has(name)) return undefined;
    const id = `${idOf(owner)} ${secret}`;
    let pending = this.#open.get(id);
    if (!pending) {
      pending = Promise.resolve(ui.showInputBox({ title: name, prompt, password: true, ignoreFocusOut: true })).finally(
        () => this.#open.delete(id),
      );
      this.#open.set(id, pending);
    }
    const answer = await pending;
    if (answer === undefined) this.#declined.add(name);
    return answer;
  }
}

const PASSWORD = 'password';

function idOf({ key, place }: SecretOwner): string {
  return JSON.stringify([key, place]);
}
