import { window } from '../../vscodeStandIn';
import assert from 'node:assert/strict';
import { openJobLinks } from '../../../src/host/jobLinks';

interface Handler {
  handleUri(uri: { readonly path: string }): Promise<void>;
}

describe('links to jobs', () => {
  let handler: Handler;
  let shown: string[];
  let messages: string[];
  let restore: () => void;

  beforeEach(() => {
    shown = [];
    messages = [];
    const restored = new Promise<void>((resolve) => (restore = resolve));
    window['registerUriHandler'] = (registered: Handler) => {
      handler = registered;
      return { dispose: () => undefined };
    };
    for (const kind of ['showErrorMessage', 'showWarningMessage']) {
      window[kind] = (message: string) => Promise.resolve(void messages.push(message));
    }
    const jobs = { get: (id: string) => (id === 'known' ? ({ id } as never) : undefined) };
    openJobLinks(
      jobs,
      () => restored,
      (id) => Promise.resolve(void shown.push(id)),
    );
  });

  it('open a job when the jobs of earlier sessions were read', async () => {
    const handled = handler.handleUri({ path: '/job/known' });
    assert.deepEqual(shown, []);
    restore();
    await handled;
    assert.deepEqual([shown, messages], [['known'], []]);
  });

  it('say so if the job is not listed', async () => {
    restore();
    await handler.handleUri({ path: '/job/other' });
    assert.deepEqual(shown, []);
    assert.match(messages.join(), /^The job of the link is not listed here/);
  });

  it('lead to nothing else', async () => {
    restore();
    for (const path of [
      '',
      '/',
      '/job',
      '/job/',
      '/job/known/cancel',
      '/run/known',
      '/job/known?x=[a](command:b)'.repeat(20),
    ]) {
      await handler.handleUri({ path });
    }
    assert.deepEqual(shown, []);
    assert.equal(messages.length, 7);
    for (const message of messages) assert.match(message, /^The link leads to nothing here/);
  });
});
