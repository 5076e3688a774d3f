/** A stretch of a text, in UTF-16 offsets. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds an element of an array in the text of a settings.json (or of a .code-workspace, where the settings are one level
 * deeper), with comments and trailing commas as VS Code allows them.
 *
 * @param field the value of this field, where the element has it
 * @returns undefined where it is not there, or the text is broken before it
 */
export function placeInSettings(text: string, setting: string, index: number, field?: string): Place | undefined {
  const reader = new Reader(text);
  const root = reader.value();
  const array = member(root, setting) ?? member(member(root, 'settings'), setting);
  const element = array?.elements?.[index];
  if (!element) return undefined;
  const { start, end } = (field === undefined ? undefined : member(element, field)) ?? element;
  return { start, end };
}

interface Value extends Place {
  readonly members?: ReadonlyMap<string, Value>;
  readonly elements?: readonly Value[];
}

function member(value: Value | undefined, name: string): Value | undefined {
  return value?.members?.get(name);
}

/** Reads as far as it can: what is broken ends the text. */
class Reader {
  #at = 0;

  constructor(private readonly text: string) {}

  value(): Value | undefined {
    this.#skip();
    const start = this.#at;
    switch (this.text.charAt(start)) {
      case '{': {
        const members = new Map<string, Value>();
        this.#list('}', () => {
          const name = this.#string();
          this.#skip();
          if (name === undefined || this.text.charAt(this.#at) !== ':') return false;
          this.#at++;
          const value = this.value();
          // As in VS Code, the last one counts.
          if (value) members.set(name, value);
          return value !== undefined;
        });
        return { start, end: this.#at, members };
      }
      case '[': {
        const elements: Value[] = [];
        this.#list(']', () => {
          const value = this.value();
          if (value) elements.push(value);
          return value !== undefined;
        });
        return { start, end: this.#at, elements };
      }
      case '"':
        return this.#string() === undefined ? undefined : { start, end: this.#at };
      default: {
        const word = /^[\w+.-]+/.exec(this.text.slice(start, start + 100))?.[0] ?? '';
        this.#at += word.length;
        return word === '' ? undefined : { start, end: this.#at };
      }
    }
  }

  #list(close: string, item: () => boolean): void {
    this.#at++;
    for (;;) {
      this.#skip();
      if (this.#at >= this.text.length) return;
      const character = this.text.charAt(this.#at);
      if (character === close) {
        this.#at++;
        return;
      }
      if (character === ',') this.#at++;
      else if (!item()) {
        this.#at = this.text.length;
        return;
      }
    }
  }

  #string(): string | undefined {
    const [whole] = /^"(?:[^"\\\n]|\\.)*"/.exec(this.text.slice(this.#at)) ?? [];
    if (whole === undefined) return undefined;
    this.#at += whole.length;
    try {
      return JSON.parse(whole) as string;
    } catch {
      return whole.slice(1, -1);
    }
  }

  /** Blanks and comments. */
  #skip(): void {
    const [blanks = ''] = /^(?:\s|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))*/.exec(this.text.slice(this.#at)) ?? [];
    this.#at += blanks.length;
  }
}
