import assert from 'node:assert/strict';
import {
  plain,
  plainCode,
  plainEntry,
  plainError,
  plainLabel,
  plainLines,
  plainMarkdown,
} from '../../../src/host/base/plainText';
import { endOfPart, shorten, sizeText, visible } from '../../../src/shared/displayText';

/** As VS Code's parser of notifications has it (src/vs/base/common/linkedText.ts). */
const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;
/** As VS Code's renderer of labels has it (src/vs/base/browser/ui/iconLabel/iconLabels.ts). */
const ICON = /\$\([a-z0-9-]+(?:~[a-z]+)?\)/i;
const HIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;

const JOINER = '\u2060';
const ATTACK =
  '[OK](command:workbench.action.closeWindow) $(error) \u202Etxt.exe\u2066 \x1b[31m \x07 \n\n\n <img src=x> https://x.test';

describe('texts of others', () => {
  it('make no links in notifications', () => {
    for (const text of [
      '[OK](command:workbench.action.closeWindow)',
      'a [b](https://x.test) c',
      '[a](file:///x "t")',
    ]) {
      assert.match(text, LINK);
      assert.doesNotMatch(plain(text), LINK);
      assert.equal(plain(text).replaceAll(JOINER, ''), text);
    }
    assert.equal(plain('as it is [1] (2) $1'), 'as it is [1] (2) $1');
  });

  it('make no links, icons or hidden characters anywhere', () => {
    for (const shown of [plain, plainLabel, plainLines, plainMarkdown].map((show) => show(ATTACK))) {
      assert.doesNotMatch(shown, LINK);
      assert.doesNotMatch(shown, ICON);
      assert.doesNotMatch(shown, HIDDEN);
      assert.ok(shown.includes('<img src=x>'), 'markup is shown as it is');
    }
  });

  it('make no links of bare addresses in Markdown', () => {
    const shown = plainMarkdown('https://x.test www.x.test WWW.X.TEST a@b.test');
    for (const link of ['://', 'www.', 'WWW.', '@b']) assert.ok(!shown.includes(link), link);
    assert.equal(shown.replaceAll(JOINER, ''), 'https://x.test www.x.test WWW.X.TEST a@b.test');
  });

  it('do not end a block of code', () => {
    assert.ok(!plainCode('```\n[x](command:y)\n````').includes('```'));
    assert.equal(plainCode("SELECT `a``b`, '$(x)'"), "SELECT `a``b`, '$(x)'");
  });

  it('have one line where there is room for one, and some where there is more', () => {
    assert.equal(plain('a\r\n\tb\n\n\nc'), 'a b c');
    assert.equal(plainLines('a\nb'), 'a\nb');
    assert.match(plainLines('x\n'.repeat(1000)), /^(x\n){30}… \(971 more lines\)$/);
  });

  it('cannot look like other entries of the log', () => {
    assert.equal(plainEntry('a\n2026-01-01 [error] b\x1b[0m'), 'a\n    2026-01-01 [error] b␛[0m');
  });

  it('of 5 MB are short, and say how much more there is', () => {
    const huge = 'x'.repeat(5_000_000);
    assert.match(plainLabel(huge), /^x{200}… \(5 MB more\)$/);
    assert.match(plain(huge), /^x{1000}… \(5 MB more\)$/);
    for (const show of [plainLines, plainMarkdown, plainCode, plainEntry]) assert.ok(show(huge).length < 5000);
    assert.match(plain('\n'.repeat(5_000_000)), /^ ?… \(5 MB more\)$/);
  });
});

describe('long texts', () => {
  it('are cut between two characters', () => {
    assert.equal(endOfPart('a😀b', 2), 1);
    assert.equal(endOfPart('a😀b', 3), 3);
    assert.equal(endOfPart('ab', 2), 2);
    assert.equal(shorten('a😀b', 2), 'a… (3 bytes more)');
    assert.equal(shorten('ab', 2), 'ab');
    assert.equal(shorten('ab', 2, 4_900_000), 'ab… (4.9 MB more)');
  });

  it('of an error say how much is cut off, also before', () => {
    const error = { message: 'm'.repeat(16_384), truncatedBytes: 4_983_616 };
    assert.equal(plainError(error, 5), 'mmmmm… (5 MB more)');
    assert.equal(plainError({ message: 'm' }, 5), 'm');
  });

  it('tell their size', () => {
    assert.deepEqual([0, 999, 1000, 4_900_000, 250_000_000].map(sizeText), [
      '0 bytes',
      '999 bytes',
      '1 kB',
      '4.9 MB',
      '250 MB',
    ]);
  });

  it('keep every place when hidden characters are shown', () => {
    const text = 'a\0\r\n\tb\u202Ec\x7f\x85\r';
    assert.equal(visible(text), 'a␀\r\n\tb�c␡�␍');
    assert.equal(visible(text).length, text.length);
  });
});
