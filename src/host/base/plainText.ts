import { l10n } from 'vscode';
import { neutralMoreText, shorten, visible } from '../../shared/displayText';

/** Maximum length of a message. VS Code shows about 1,000 characters of a notification. UTF-16 units, as all lengths here. */
const MAX_MESSAGE = 1000;
/** Maximum length and number of lines of a text with several lines: a dialog's details, an entry in Problems. */
const MAX_PARAGRAPHS = 4000;
const MAX_LINES = 30;
/** Maximum length of a row, a CodeLens, or an item of a list. */
const MAX_LABEL = 200;

/** The note about the rest of a text that was shortened: `… (4.9 MB more)`. */
export function moreText(size: string): string {
  return l10n.t('… ({0} more)', size);
}

/**
 * Breaks up what VS Code would turn into something else: links `[text](command:…)` (in notifications, prompts, and Markdown) and icons
 * `$(name)` (in lists, CodeLenses, rows, and the status bar). The word joiner that separates the parts is invisible.
 */
function inert(text: string): string {
  return text.replaceAll('](', ']\u2060(').replaceAll('$(', '$\u2060(');
}

/** Makes a text safe for one line: no links, icons, or markup, and no longer than `max` plus a note of what was cut off. */
export function plain(text: string, max = MAX_MESSAGE, cutBytes = 0): string {
  return inert(visible(shorten(text, max, moreText, cutBytes)).replace(/\s+/g, ' '));
}

/** Makes an error's message safe for one line. If it is cut off, a note gives the size of the rest, including what was not received. */
export function plainError(
  { message, truncatedBytes }: { readonly message: string; readonly truncatedBytes?: number },
  max: number,
): string {
  return plain(message, max, truncatedBytes);
}

/** Makes a text safe for a row or an item of a list. */
export function plainLabel(text: string): string {
  return plain(text, MAX_LABEL);
}

/** Makes a text with several lines safe. @param moreLines the note that replaces this many lines at the end */
export function plainLines(text: string, moreLines: (count: number) => string): string {
  const lines = visible(shorten(text, MAX_PARAGRAPHS, moreText)).split('\n');
  const rest = lines.length - MAX_LINES;
  return inert((rest > 0 ? [...lines.slice(0, MAX_LINES), moreLines(rest)] : lines).join('\n'));
}

/** What Markdown turns into a link without brackets: `https://…`, `www.…`, `a@b.c`. */
const BARE_LINK = /:\/\/|www\.|@/gi;

/** Makes a text safe for Markdown, where bare addresses become links. The caller escapes Markdown characters. */
export function plainMarkdown(text: string, max = MAX_MESSAGE): string {
  return plain(text, max).replace(BARE_LINK, (found) => `${found.slice(0, 1)}\u2060${found.slice(1)}`);
}

/** Makes code safe for a Markdown code block: it cannot end the block. */
export function plainCode(text: string, max = MAX_MESSAGE): string {
  return visible(shorten(text, max, moreText)).replace(/`{3,}/g, (ticks) => ticks.split('').join('\u2060'));
}

/** Makes a text safe for the log: it cannot look like another entry, and it cannot control a terminal that shows the log. */
export function plainEntry(text: string, max = MAX_PARAGRAPHS): string {
  return visible(shorten(text, max, neutralMoreText)).replaceAll('\n', '\n    ');
}
