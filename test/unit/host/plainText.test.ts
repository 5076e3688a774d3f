import assert from 'node:assert/strict';
import {
  moreText,
  plain,
  plainCode,
  plainEntry,
  plainError,
  plainLabel,
  plainLines,
  plainMarkdown,
} from '../../../src/host/base/plainText';
import { endOfPart, shorten, sizeText, visible } from '../../../src/shared/displayText';

/** The pattern of VS Code's notification parser (src/vs/base/common/linkedText.ts). */
const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;
/** The pattern of VS Code's label renderer (src/vs/base/browser/ui/iconLabel/iconLabels.ts). */
const ICON = /\$\([a-z0-9-]+(?:~[a-z]+)?\)/i;
const HIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;

const JOINER = '\u2060';
const ATTACK =
  '[OK](command:workbench.action.closeWindow) $(error) \u202Etxt.exe\u2066 \x1b[31m \x07 \n\n\n <img src=x> https://x.test';

const lines = (text: string): string => plainLines(text, (count) => `… (${count} more lines)`);

describe('text from outside', () => {
  it('makes no links in notifications', () => {
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

  it('makes no links, icons, or hidden characters on any surface', () => {
    for (const shown of [plain, plainLabel, lines, plainMarkdown].map((show) => show(ATTACK))) {
      assert.doesNotMatch(shown, LINK);
      assert.doesNotMatch(shown, ICON);
      assert.doesNotMatch(shown, HIDDEN);
      assert.ok(shown.includes('<img src=x>'), 'markup is shown as it is');
    }
  });

  it('makes no links from bare addresses in Markdown', () => {
    const shown = plainMarkdown('https://x.test www.x.test WWW.X.TEST a@b.test');
    for (const link of ['://', 'www.', 'WWW.', '@b']) assert.ok(!shown.includes(link), link);
    assert.equal(shown.replaceAll(JOINER, ''), 'https://x.test www.x.test WWW.X.TEST a@b.test');
  });

  it('cannot end a Markdown code block', () => {
    assert.ok(!plainCode('```\n[x](command:y)\n````').includes('```'));
    assert.equal(plainCode("SELECT `a``b`, '$(x)'"), "SELECT `a``b`, '$(x)'");
  });

  it('is reduced to one line, or to a limited number of lines', () => {
    assert.equal(plain('a\r\n\tb\n\n\nc'), 'a b c');
    assert.equal(lines('a\nb'), 'a\nb');
    assert.match(lines('x\n'.repeat(1000)), /^(x\n){30}… \(971 more lines\)$/);
  });

  it('cannot look like another entry in the log', () => {
    assert.equal(plainEntry('a\n2026-01-01 [error] b\x1b[0m'), 'a\n    2026-01-01 [error] b␛[0m');
  });

  it('is shortened if it has 5 MB, with the size of the rest', () => {
    const huge = 'x'.repeat(5_000_000);
    assert.match(plainLabel(huge), /^x{200}… \(5 MB more\)$/);
    assert.match(plain(huge), /^x{1000}… \(5 MB more\)$/);
    for (const show of [lines, plainMarkdown, plainCode, plainEntry]) assert.ok(show(huge).length < 5000);
    assert.match(plain('\n'.repeat(5_000_000)), /^ ?… \(5 MB more\)$/);
  });
});

describe('long text', () => {
  it('is cut between two characters, never inside a surrogate pair', () => {
    assert.equal(endOfPart('a😀b', 2), 1);
    assert.equal(endOfPart('a😀b', 3), 3);
    assert.equal(endOfPart('ab', 2), 2);
    assert.equal(shorten('a😀b', 2, moreText), 'a… (3 bytes more)');
    assert.equal(shorten('ab', 2, moreText), 'ab');
    assert.equal(shorten('ab', 2, moreText, 4_900_000), 'ab… (4.9 MB more)');
  });

  it('of an error shows how much is missing, including what was not received', () => {
    const error = { message: 'm'.repeat(16_384), truncatedBytes: 4_983_616 };
    assert.equal(plainError(error, 5), 'mmmmm… (5 MB more)');
    assert.equal(plainError({ message: 'm' }, 5), 'm');
  });

  it('has its size shown in decimal units', () => {
    assert.deepEqual([0, 999, 1000, 4_900_000, 250_000_000].map(sizeText), [
      '0 bytes',
      '999 bytes',
      '1 kB',
      '4.9 MB',
      '250 MB',
    ]);
  });

  it('keeps all offsets when control characters are made visible', () => {
    const text = 'a\0\r\n\tb\u202Ec\x7f\x85\r';
    assert.equal(visible(text), 'a␀\r\n\tb�c␡�␍');
    assert.equal(visible(text).length, text.length);
  });
});
