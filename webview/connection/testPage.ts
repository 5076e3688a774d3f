import type { TestInit, TestReport, ToConnectionPage } from '../../src/shared/connectionProtocol';
import { make } from '../base/dom';
import { button, Findings } from './findings';
import type { Post } from './post';
import { text } from './strings';

/** The Test Connection page: the report for one connection. */
export class TestPage {
  readonly element = make('main', 'connection-page test-page');
  readonly #findings: Findings;
  readonly #again: HTMLElement;
  readonly #cancel: HTMLElement;

  readonly #init: TestInit;

  constructor(init: TestInit, post: Post) {
    this.#init = init;

    this.#findings = new Findings(post, { announces: true });
    this.#again = button(text('testAgain'), () => post({ type: 'testAgain' }), true);
    this.#cancel = button(text('cancel'), () => post({ type: 'cancelTest' }));
    const bar = make('div', 'test-bar');
    bar.append(
      this.#again,
      this.#cancel,
      button(text('edit'), () => post({ type: 'edit' })),
    );
    const inner = make('div', 'test-inner');
    inner.append(make('h1', 'page-title', init.title), make('p', 'page-uri', init.uri), bar, this.#findings.element);
    this.element.append(inner);
    this.#show(init.report);
  }

  shown(): void {
    requestAnimationFrame(() => (this.#init.report?.running === true ? this.#cancel : this.#again).focus());
  }

  handle(message: Exclude<ToConnectionPage, { type: 'init' }>): void {
    if (message.type === 'report') this.#show(message.report);
    else if (message.type === 'message') this.#findings.notify(message.message, message.severity);
  }

  #show(report: TestReport | undefined): void {
    const running = report?.running === true;
    const focused = document.activeElement;
    this.#again.hidden = running;
    this.#cancel.hidden = !running;
    // If the hidden button had the focus, the other one gets it.
    if (focused === this.#again && running) this.#cancel.focus();
    if (focused === this.#cancel && !running) this.#again.focus();
    if (report) this.#findings.show(report);
  }
}
