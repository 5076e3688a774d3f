import type { SecretOwner } from './passwordStore';
import * as ui from '../base/ui';

/**
 * Questions for secrets: each is asked once for all sessions that are being opened, and the answer serves as long as the window
 * lives. A "no" is remembered too, so that nobody is asked again by what goes on in the background.
 */
export class Prompts {
  readonly #open = new Map<string, Promise<string | undefined>>();
  readonly #answers = new Map<string, ReadonlyMap<string, string>>();
  readonly #declined = new Set<string>();

  /** The password that was entered for exactly this connection to this place. */
  remembered(owner: SecretOwner, what = PASSWORD): string | undefined {
    return this.#answers.get(idOf(owner))?.get(what);
  }

  remember(owner: SecretOwner, answer: string, what = PASSWORD): void {
    const id = idOf(owner);
    this.#answers.set(id, new Map(this.#answers.get(id)).set(what, answer));
  }

  /** Everything that was entered for this connection, whichever target it was for. */
  forget({ key }: Pick<SecretOwner, 'key'>): void {
    for (const id of this.#answers.keys()) {
      if ((JSON.parse(id) as [string, unknown])[0] === key) this.#answers.delete(id);
    }
  }

  /** What was entered did not do: it is forgotten, and not asked for anew in the background. */
  reject(name: string, owner: SecretOwner): void {
    if (!this.#answers.has(idOf(owner))) return;
    this.#answers.delete(idOf(owner));
    this.#declined.add(name);
  }

  /** The user wants this connection now, so it may ask again. */
  mayAsk(name: string): void {
    this.#declined.delete(name);
  }

  /** The remembered answer, else the user's, which is remembered. @param what which of the connection's secrets it is */
  async once(name: string, owner: SecretOwner, prompt: string, what = PASSWORD): Promise<string | undefined> {
    const known = this.remembered(owner, what);
    if (known !== undefined) return known;
    const answer = await this.ask(name, owner, prompt, what);
    if (answer !== undefined) this.remember(owner, answer, what);
    return answer;
  }

  /** The user's answer, for whoever finds out whether it is right before it is kept. */
  async ask(name: string, owner: SecretOwner, prompt: string, what = PASSWORD): Promise<string | undefined> {
    if (this.#declined.has(name)) return undefined;
    const id = `${idOf(owner)} ${what}`;
    let asking = this.#open.get(id);
    if (!asking) {
      asking = Promise.resolve(ui.showInputBox({ title: name, prompt, password: true, ignoreFocusOut: true })).finally(
        () => this.#open.delete(id),
      );
      this.#open.set(id, asking);
    }
    const answer = await asking;
    if (answer === undefined) this.#declined.add(name);
    return answer;
  }
}

const PASSWORD = 'password';

function idOf({ key, place }: SecretOwner): string {
  return JSON.stringify([key, place]);
}
