import assert from 'node:assert/strict';
import '../../vscodeStandIn';
import { fitted, styled, TerminalLines, terminalLine, terminalText } from '../../../src/host/tasks/terminalText';

describe('text in the terminal of a task', () => {
  it('contains no control character of the server, whatever it sends', () => {
    const every = Array.from({ length: 0x2100 }, (_, code) => String.fromCharCode(code)).join('');
    const shown = terminalText(every, 100_000);
    assert.doesNotMatch(shown.replaceAll('\r\n', ''), /[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
    // Sets the title, clears the screen, writes to the clipboard, and returns to the start of the line.
    const attack = '\x1b]0;title\x07\x1b[2J\x1b]52;c;AAAA\x1b\\\x9b31m ok\rfake';
    assert.equal(terminalText(attack), '␛]0;title␇␛[2J␛]52;c;AAAA␛\\�31m ok␍fake');
    assert.equal(terminalLine('a\n\tb\r\n c'), 'a b c');
  });

  it('has the line ends of a terminal, and a limited length', () => {
    assert.equal(terminalText('a\nb\r\nc'), 'a\r\nb\r\nc');
    assert.equal(terminalText('x'.repeat(5000)).length, 4000 + '… (1 kB more)'.length);
  });

  it('shows the state in a line that is replaced, and does not fill the terminal', () => {
    let screen = '';
    const lines = new TerminalLines((text) => (screen += text));
    lines.line('first');
    lines.status('10%');
    lines.status('10%');
    lines.status('20%');
    lines.line('second');
    lines.status('');
    lines.line('third');
    const faint = (text: string): string => styled('faint', text);
    assert.equal(
      screen,
      `first\r\n${faint('10%')}\r\x1b[K${faint('20%')}\r\x1b[Ksecond\r\n${faint('20%')}\r\x1b[Kthird\r\n`,
    );
  });

  it('keeps the line of the state within the width of the terminal, also with wide characters', () => {
    assert.equal(fitted('0123456789', 20), '0123456789');
    assert.equal(fitted('0123456789', 10), '01234567…');
    assert.equal(fitted('日本語', 6), '日…');
  });
});
