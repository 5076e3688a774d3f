import { shorten, visible } from '../../shared/displayText';

/** UTF-16 units of a message: VS Code itself shows about 1,000 of a notification. */
const MESSAGE = 1000;
/** Of a text of several lines: a dialog's details, an entry in Problems. */
const PARAGRAPHS = 4000;
const LINES = 30;
/** Of a row, a lens, an item of a list. */
const LABEL = 200;

/**
 * What VS Code would turn into something else: links `[text](command:…)` (in notifications, prompts and Markdown) and icons `$(name)`
 * (in lists, lenses, rows and the status bar). A word joiner, which is not seen, keeps the two parts apart.
 */
function inert(text: string): string {
  return text.replaceAll('](', ']\u2060(').replaceAll('$(', '$\u2060(');
}

/** A text for one line, as it is: never a link, an icon or markup, and no longer than `max` UTF-16 units and a few words. */
export function plain(text: string, max = MESSAGE, cutBytes = 0): string {
  return inert(visible(shorten(text, max, cutBytes)).replace(/\s+/g, ' '));
}

/** An error's message, with how much more there is of it, also of what its job does not hold. */
export function plainError(
  { message, truncatedBytes }: { readonly message: string; readonly truncatedBytes?: number },
  max: number,
): string {
  return plain(message, max, truncatedBytes);
}

/** The same for a row or an item of a list. */
export function plainLabel(text: string): string {
  return plain(text, LABEL);
}

/** The same for a text whose lines are kept, as far as a person reads them. */
export function plainLines(text: string): string {
  const lines = visible(shorten(text, PARAGRAPHS)).split('\n');
  const rest = lines.length - LINES;
  return inert((rest > 0 ? [...lines.slice(0, LINES), `… (${rest} more lines)`] : lines).join('\n'));
}

/** Links that GitHub's Markdown makes of bare text: `https://…`, `www.…`, `a@b.c`. */
const BARE_LINK = /:\/\/|www\.|@/gi;

/** A text for Markdown, before its own signs are escaped: not even a bare address becomes a link. */
export function plainMarkdown(text: string, max = MESSAGE): string {
  return plain(text, max).replace(BARE_LINK, (found) => `${found.slice(0, 1)}\u2060${found.slice(1)}`);
}

/** Code for a Markdown block: it cannot end the block. */
export function plainCode(text: string, max = MESSAGE): string {
  return visible(shorten(text, max)).replace(/`{3,}/g, (ticks) => ticks.split('').join('\u2060'));
}

/** A text for the log: what it says cannot look like an entry of its own, nor steer a terminal that shows the file. */
export function plainEntry(text: string, max = PARAGRAPHS): string {
  return visible(shorten(text, max)).replaceAll('\n', '\n    ');
}
