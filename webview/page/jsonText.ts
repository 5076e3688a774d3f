/** A highlighted part of the text. */
export interface JsonToken {
  readonly start: number;
  readonly end: number;
  readonly kind: 'key' | 'string' | 'number' | 'word';
}

export interface JsonText {
  readonly text: string;
  readonly tokens: readonly JsonToken[];
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{},:]|\s+/y;

/**
 * Formats JSON without converting its values, so that a number of 30 digits stays exact (`JSON.parse` would round it).
 * Returns undefined if the text is not a JSON object or array, or is nested deeper than `maxDepth`.
 */
export function formatJson(source: string, maxDepth = 500): JsonText | undefined {
  if (!/^\s*[[{]/.test(source) || !isJson(source)) return undefined;
  const out: string[] = [];
  const tokens: JsonToken[] = [];
  let length = 0;
  let depth = 0;
  let previous = '';
  const put = (part: string): void => {
    out.push(part);
    length += part.length;
  };
  const line = (): void => put(`\n${'  '.repeat(depth)}`);
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(source); match !== null; match = TOKEN.exec(source)) {
    const token = match[0];
    if (/^\s/.test(token)) continue;
    const opened = previous === '{' || previous === '[';
    if (token === '}' || token === ']') {
      depth--;
      if (!opened) line();
      put(token);
    } else if (token === ',') {
      put(token);
    } else if (token === ':') {
      put(': ');
      markKey(tokens);
    } else {
      if (opened || previous === ',') line();
      const start = length;
      put(token);
      if (token === '{' || token === '[') {
        if (++depth > maxDepth) return undefined;
      } else {
        const kind = token.startsWith('"') ? 'string' : /^[tfn]/.test(token) ? 'word' : 'number';
        tokens.push({ start, end: length, kind });
      }
    }
    previous = token;
  }
  return { text: out.join(''), tokens };
}

/** Marks the string before a colon as a key. */
function markKey(tokens: JsonToken[]): void {
  const last = tokens.at(-1);
  if (last !== undefined) tokens[tokens.length - 1] = { ...last, kind: 'key' };
}

function isJson(source: string): boolean {
  try {
    JSON.parse(source);
    return true;
  } catch {
    return false;
  }
}
