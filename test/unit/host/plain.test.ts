import assert from 'node:assert/strict';
import { plain } from '../../../src/host/plain';

/** As VS Code's parser of notifications has it (src/vs/base/common/linkedText.ts). */
const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;

describe('texts of notifications', () => {
  it('make no links of what a label or a server says', () => {
    for (const text of [
      '[OK](command:workbench.action.closeWindow)',
      'a [b](https://x.test) c',
      '[a](file:///x "t")',
    ]) {
      assert.match(text, LINK);
      assert.doesNotMatch(plain(text), LINK);
      assert.equal(plain(text).replaceAll('\u2060', ''), text);
    }
    assert.equal(plain('as it is [1] (2)'), 'as it is [1] (2)');
  });
});
