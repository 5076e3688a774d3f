import type { DoctorInit, ExaminationView, ToConnectionPage } from '../../src/shared/connectionProtocol';
import { make } from '../base/dom';
import { button, Findings } from './findings';
import type { Post } from './post';
import { text } from './strings';

/** Test Connection: what was found about one connection. */
export class DoctorPage {
  readonly element = make('main', 'connection-page doctor-page');
  readonly #findings: Findings;
  readonly #again: HTMLElement;
  readonly #cancel: HTMLElement;

  readonly #init: DoctorInit;

  constructor(init: DoctorInit, post: Post) {
    this.#init = init;

    this.#findings = new Findings(post, { announces: true });
    this.#again = button(text('testAgain'), () => post({ type: 'again' }), true);
    this.#cancel = button(text('cancel'), () => post({ type: 'cancelTest' }));
    const bar = make('div', 'doctor-bar');
    bar.append(
      this.#again,
      this.#cancel,
      button(text('edit'), () => post({ type: 'edit' })),
    );
    const inner = make('div', 'doctor-inner');
    inner.append(
      make('h1', 'page-title', init.title),
      make('p', 'page-place', init.place),
      bar,
      this.#findings.element,
    );
    this.element.append(inner);
    this.#show(init.examination);
  }

  shown(): void {
    // Where the keyboard is most likely needed.
    requestAnimationFrame(() => (this.#init.examination?.running === true ? this.#cancel : this.#again).focus());
  }

  take(message: Exclude<ToConnectionPage, { type: 'init' }>): void {
    if (message.type === 'examination') this.#show(message.examination);
    else if (message.type === 'said') this.#findings.say(message.message, message.severity);
  }

  #show(examination: ExaminationView | undefined): void {
    const running = examination?.running === true;
    const held = document.activeElement;
    this.#again.hidden = running;
    this.#cancel.hidden = !running;
    // The button that had the focus went away: the other one takes it.
    if (held === this.#again && running) this.#cancel.focus();
    if (held === this.#cancel && !running) this.#again.focus();
    if (examination) this.#findings.show(examination);
  }
}
