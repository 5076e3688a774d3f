import { shorten, visible } from '../../shared/displayText';
import { moreText } from '../base/plainText';

/** Maximum length of a text in the terminal, in UTF-16 units. The results panel shows the whole text. */
const MAX_TEXT = 4000;

/** The few styles of a task's terminal. The theme defines the colors. */
export type TerminalStyle = 'red' | 'yellow' | 'green' | 'bold' | 'faint' | 'underlined';

const CODES = { bold: 1, faint: 2, underlined: 4, red: 31, green: 32, yellow: 33 } as const satisfies Record<
  TerminalStyle,
  number
>;

/**
 * Makes a text safe for a terminal. A terminal obeys control characters, and escape sequences could move the cursor, change its title,
 * write to the clipboard, or hide text: each becomes a visible sign. Line ends become those of a terminal.
 */
export function terminalText(text: string, max = MAX_TEXT, cutBytes = 0): string {
  return visible(shorten(text, max, moreText, cutBytes))
    .replaceAll('\t', '    ')
    .replace(/\r?\n/g, '\r\n');
}

/** The same for one line. */
export function terminalLine(text: string, max = MAX_TEXT): string {
  return terminalText(text, max).replace(/\s+/g, ' ').trim();
}

/** @param text a safe text */
export function styled(style: TerminalStyle, text: string): string {
  return `\x1b[${CODES[style]}m${text}\x1b[0m`;
}

/** Shortens a safe line so that it does not wrap. A character that is not ASCII may be two columns wide. */
export function fitted(line: string, columns: number): string {
  let width = 0;
  let shown = '';
  for (const character of line) {
    width += character > '~' ? 2 : 1;
    if (width > columns - 1) return `${shown.slice(0, -1)}…`;
    shown += character;
  }
  return line;
}

/**
 * The lines of a terminal, with one more at the end that shows the current state and is replaced when it changes: progress does not fill
 * the terminal.
 */
export class TerminalLines {
  #status = '';
  #columns = 80;
  readonly #write: (text: string) => void;

  /** @param write sends text to the terminal */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  resize(columns: number): void {
    this.#columns = columns;
  }

  /** Adds lines. @param text a safe text, without a line end */
  line(text = ''): void {
    const status = this.#status;
    this.#write(status === '' ? `${text}\r\n` : `\r\x1b[K${text}\r\n${status}`);
  }

  /** Shows the current state. @param text a safe line; empty if there is nothing to show */
  status(text: string): void {
    const line = text === '' ? '' : styled('faint', fitted(text, this.#columns));
    if (line === this.#status) return;
    this.#write(`${this.#status === '' ? '' : '\r\x1b[K'}${line}`);
    this.#status = line;
  }
}
