import { isNumeric } from '../query/columnKinds';
import type { SpoolColumn } from '../spool/spoolFormat';
import type { Formatter } from './formatter';

/** A GitHub Markdown table (https://github.github.com/gfm/#tables-extension-). NULL is in italics, to distinguish it from text. */
export function markdown(columns: readonly SpoolColumn[]): Formatter {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return {
    head:
      line(columns.map(({ name }) => markdownText(name))) +
      line(columns.map((column) => (isNumeric(column) ? '---:' : '---'))),
    row: (values) => line(values.map((value) => (value === null ? '*NULL*' : markdownText(value)))),
    plain: (raw) => (MARKDOWN_SPECIAL.test(raw) ? undefined : `| ${raw.replaceAll('\t', ' | ')} |\n`),
    tail: () => '',
  };
}

/** Includes `$`, which begins a formula in GitHub's and VS Code's Markdown. */
const MARKDOWN_SPECIAL = /[\\`*_[\]<>|~&$\n\r]/;

/** Escapes a text so that Markdown shows it literally, inside one cell. An underscore within a word needs no escape. */
function markdownText(text: string): string {
  return MARKDOWN_SPECIAL.test(text)
    ? text.replace(/[\\`*[\]<>|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '\\$&').replace(/\r\n|\r|\n/g, '<br>')
    : text;
}
