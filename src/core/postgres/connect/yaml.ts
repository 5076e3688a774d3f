/**
 * As much of YAML as Compose files use: maps, lists and scalars in block style, lists and maps in flow style on one line,
 * comments, quotes, and block scalars (which are passed over). Anchors, tags and several documents are not understood; whatever
 * is not understood is left out, since all of this is only for offers.
 */

export type YamlValue =
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, YamlValue>; readonly line: number }
  | { readonly kind: 'list'; readonly items: readonly YamlValue[]; readonly line: number }
  | { readonly kind: 'scalar'; readonly text: string; readonly line: number };

interface Line {
  readonly indent: number;
  readonly text: string;
  readonly number: number;
}

/** A longer line is no work of a person; left out, so that no pattern has to go through it. Characters. */
const LONGEST_LINE = 20_000;

/** More levels than any Compose file has; a hostile file must not exhaust the stack. */
const DEEPEST = 50;

/** @returns undefined where there is nothing */
export function readYaml(text: string): YamlValue | undefined {
  const lines = text.split('\n').flatMap((raw, number): Line[] => {
    const line = withoutComment(raw).trimEnd();
    const content = line.trimStart();
    return content === '' || content === '---' || content.length > LONGEST_LINE
      ? []
      : [{ indent: line.length - content.length, text: content, number }];
  });
  const reader = new Reader(lines);
  return reader.block(-1, 0);
}

const KEY = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s#"'[{&*!|>%@-][^:#]*?|-[^\s:][^:#]*?))\s*:(?:\s+|$)/;

class Reader {
  #at = 0;

  constructor(private readonly lines: readonly Line[]) {}

  /** What is indented more than its parent. */
  block(parent: number, depth: number): YamlValue | undefined {
    const first = this.lines[this.#at];
    if (!first || first.indent <= parent || depth > DEEPEST) return undefined;
    if (/^-(\s|$)/.test(first.text)) return this.#list(first.indent, depth);
    if (KEY.test(first.text)) return this.#map(first.indent, first.number, depth);
    this.#at++;
    this.#skip(first.indent - 1);
    return flow(first.text, first.number);
  }

  #map(indent: number, number: number, depth: number): YamlValue {
    const entries = new Map<string, YamlValue>();
    for (let line = this.lines[this.#at]; line && line.indent >= indent; line = this.lines[this.#at]) {
      const key = line.indent === indent ? KEY.exec(line.text) : null;
      this.#at++;
      if (!key) continue;
      const name = key[1] ?? key[2] ?? key[3] ?? '';
      const value = this.#value(line.text.slice(key[0].length), line, indent, depth);
      if (value) entries.set(name, { ...value, line: line.number });
    }
    return { kind: 'map', entries, line: number };
  }

  #list(indent: number, depth: number): YamlValue {
    const items: YamlValue[] = [];
    const number = this.lines[this.#at]?.number ?? 0;
    for (let line = this.lines[this.#at]; line && line.indent >= indent; line = this.lines[this.#at]) {
      if (line.indent !== indent || !/^-(\s|$)/.test(line.text)) {
        if (line.indent === indent) break;
        this.#at++;
        continue;
      }
      const rest = line.text.slice(1).trimStart();
      this.#at++;
      if (KEY.test(rest) && !rest.startsWith('{')) {
        // A map that begins beside the dash: its other keys stand under the first one.
        const inner = indent + line.text.length - rest.length;
        const nested = new Reader([{ indent: inner, text: rest, number: line.number }, ...this.#under(indent)]);
        const item = nested.block(indent, depth + 1);
        if (item) items.push(item);
      } else {
        const item = this.#value(rest, line, indent, depth);
        if (item) items.push(item);
      }
    }
    return { kind: 'list', items, line: number };
  }

  /** What stands after a key or a dash, or under it. */
  #value(text: string, line: Line, indent: number, depth: number): YamlValue | undefined {
    if (text === '') {
      // A list may stand as far left as its key.
      const next = this.lines[this.#at];
      const same = next?.indent === indent && /^-(\s|$)/.test(next.text) && !/^-(\s|$)/.test(line.text);
      return this.block(same ? indent - 1 : indent, depth + 1);
    }
    if (/^[|>]/.test(text)) {
      this.#skip(indent);
      return undefined;
    }
    return flow(text, line.number);
  }

  #under(indent: number): readonly Line[] {
    const start = this.#at;
    this.#skip(indent);
    return this.lines.slice(start, this.#at);
  }

  #skip(indent: number): void {
    while ((this.lines[this.#at]?.indent ?? -1) > indent) this.#at++;
  }
}

/** A scalar, or `[a, b]` or `{a: b}` of scalars. */
function flow(text: string, line: number): YamlValue {
  if (text.startsWith('[') && text.endsWith(']')) {
    return { kind: 'list', items: parts(text).map((part) => scalarOf(part, line)), line };
  }
  if (text.startsWith('{') && text.endsWith('}')) {
    const entries = parts(text).flatMap((part): (readonly [string, YamlValue])[] => {
      const key = KEY.exec(part);
      return key ? [[key[1] ?? key[2] ?? key[3] ?? '', scalarOf(part.slice(key[0].length), line)]] : [];
    });
    return { kind: 'map', entries: new Map(entries), line };
  }
  return scalarOf(text, line);
}

/** The parts between commas that do not stand in quotes. */
function parts(text: string): readonly string[] {
  const found = text.slice(1, -1).match(/(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,"'])+/g) ?? [];
  return found.map((part) => part.trim()).filter((part) => part !== '');
}

function scalarOf(text: string, line: number): YamlValue {
  const [, double, single] = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)')$/.exec(text) ?? [];
  const value = double?.replaceAll(/\\(["\\/])/g, '$1') ?? single?.replaceAll("''", "'") ?? text;
  return { kind: 'scalar', text: value, line };
}

/** Without a `#` that begins the line or follows a blank, outside of quotes. */
function withoutComment(line: string): string {
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (quote !== '') {
      if (character === '\\' && quote === '"') at++;
      else if (character === quote) quote = '';
    } else if ((character === '"' || character === "'") && /^$|[\s[{:,=-]/.test(line.charAt(at - 1))) quote = character;
    else if (character === '#' && (at === 0 || /\s/.test(line.charAt(at - 1)))) return line.slice(0, at);
  }
  return line;
}
