// Words that this project avoids (docs/internals/glossary.md), for the lint rule and for the unit test of documents.

/**
 * @typedef {object} Avoided
 * @property {RegExp} pattern matches the words in prose; identifiers are split into words first
 * @property {string} use what to write instead
 * @property {boolean} [identifiersOnly] the words are fine in prose
 */

/** @type {readonly Avoided[]} */
export const AVOIDED = [
  { pattern: /\b(?:told|tells?|telling)\b/i, use: 'report, show, log, notify, return, distinguish' },
  { pattern: /\b(?:un)?said\b/i, use: 'report, show, reported' },
  { pattern: /\bheard\b/i, use: 'receive, learn' },
  { pattern: /\b(?:whoever|nobody|somebody)\b/i, use: 'the caller, the owner, no one, another process' },
  { pattern: /\b(?:lets?|letting) go\b/i, use: 'detach, release' },
  { pattern: /\bcounts? as not there\b/i, use: 'is ignored' },
  { pattern: /\b(?:is|are|was|were) not there\b/i, use: 'does not exist, is missing' },
  { pattern: /\bso often\b/i, use: 'this often, how often' },
  { pattern: /\bha(?:s|ve|d) not to\b/i, use: 'need not' },
  { pattern: /\bfor want of\b/i, use: 'because there is no' },
  { pattern: /\b(?:is|are|was) looked (?:at|for|whether|if)\b/i, use: 'is checked, is searched for' },
  { pattern: /\bone an? (?:job|row|line|file|window|session|connection|statement|column|letter)\b/i, use: 'one per' },
  { pattern: /\btak(?:e|es|en|ing) up\b/i, use: 'restore, adopt' },
  { pattern: /\ball the same\b/i, use: 'anyway, nevertheless' },
  { pattern: /\bat the most\b/i, use: 'at most' },
  { pattern: /\b(?:the )?user(?:'|’)s word\b/i, use: 'until the user resumes it' },
  { pattern: /\blast word\b/i, use: 'termination notice, last message' },
  { pattern: /\bhonest(?:ly)?\b/i, use: 'safely, correctly' },
  { pattern: /\bwalls? of the house\b/i, use: 'layer, dependency rule' },
  { pattern: /^(?:most(?! recent)|longest)\b/i, use: 'max…, MAX_…', identifiersOnly: true },
  { pattern: /\bhurry\b/i, use: 'retryNow', identifiersOnly: true },
];

/**
 * Files and folders that still have such words. To be emptied: remove an entry when it is clean. `GLOSSARY=all npm run lint` checks
 * them as well.
 *
 * @type {readonly string[]}
 */
export const NOT_CLEAN = [];

/**
 * Uses that are right: the Unix user, and texts about the words themselves.
 *
 * @type {readonly { readonly file: RegExp, readonly words: RegExp }[]}
 */
const EXCEPTIONS = [
  { file: /^docs\/internals\/glossary\.md$|^scripts\/lint\/|^test\/unit\/glossary\.test\.ts$/, words: /./ },
  { file: /^scripts\/lib\/|^scripts\/demo\.mjs$/, words: /^nobody$/i },
];

/** Allows words in the line with the marker and in the next one: `glossary: allow nobody`. */
const MARKER = /glossary: allow ([\w ]+)/g;

/**
 * @typedef {object} Finding
 * @property {number} index offset of the words in the text
 * @property {string} words
 * @property {string} use what to write instead
 */

/**
 * Finds avoided words in prose: a comment, a string, a document.
 *
 * @param {string} text
 * @returns {Finding[]}
 */
export function findInProse(text) {
  return AVOIDED.filter(({ identifiersOnly }) => !identifiersOnly)
    .flatMap(({ pattern, use }) =>
      [...text.matchAll(new RegExp(pattern, 'gi'))].map((match) => ({ index: match.index, words: match[0], use })),
    )
    .sort((a, b) => a.index - b.index);
}

/**
 * Finds avoided words in an identifier: `letGo`, `MOST_ROWS`.
 *
 * @param {string} name
 * @returns {Finding[]}
 */
export function findInIdentifier(name) {
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/[_$#]+/g, ' ')
    .trim();
  return AVOIDED.flatMap(({ pattern, use }) => {
    const [found] = pattern.exec(words) ?? [];
    return found === undefined ? [] : [{ index: 0, words: found, use }];
  });
}

/**
 * @param {string} file path in the repository, with slashes
 * @returns {boolean} whether the file is to be checked
 */
export function isChecked(file) {
  return process.env['GLOSSARY'] === 'all' || !NOT_CLEAN.some((path) => file === path || file.startsWith(`${path}/`));
}

/**
 * @param {string} file path in the repository, with slashes
 * @param {string} words
 * @returns {boolean} whether the words are right in this file
 */
export function isException(file, words) {
  return EXCEPTIONS.some((exception) => exception.file.test(file) && exception.words.test(words));
}

/**
 * @param {string} text the whole file
 * @returns {(line: number, words: string) => boolean} whether a marker allows the words in a line, from 1
 */
export function allowedIn(text) {
  /** @type {Map<number, Set<string>>} */
  const allowed = new Map();
  for (const [index, line] of text.split('\n').entries()) {
    for (const [, words = ''] of line.matchAll(MARKER)) {
      for (const at of [index + 1, index + 2]) {
        const known = allowed.get(at) ?? new Set();
        known.add(words.trim().toLowerCase());
        allowed.set(at, known);
      }
    }
  }
  return (line, words) => [...(allowed.get(line) ?? [])].some((entry) => entry === words.toLowerCase());
}

/**
 * Checks a document: Markdown, or JSON with texts.
 *
 * @param {string} file path in the repository, with slashes
 * @param {string} text
 * @returns {string[]} one line per finding
 */
export function checkDocument(file, text) {
  const allowed = allowedIn(text);
  return findInProse(text).flatMap(({ index, words, use }) => {
    const line = text.slice(0, index).split('\n').length;
    return allowed(line, words) || isException(file, words) ? [] : [`${file}:${line}: “${words}”: write ${use}`];
  });
}
