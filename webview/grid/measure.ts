const ASCII = /^[ -~]*$/;

/** Measures the width of texts in a font without layout. */
export class TextMeasure {
  readonly #context = document.createElement('canvas').getContext('2d');
  /** The width of each ASCII character if they are all equally wide, so that most texts need not be measured one by one. */
  readonly #each: number | undefined;

  constructor(font: string) {
    if (this.#context !== null) this.#context.font = font;
    const narrow = this.#measure('il.| 1fi');
    if (Math.abs(narrow - this.#measure('MW@_%08m')) < 0.01) this.#each = narrow / 8;
  }

  width(text: string): number {
    return this.#each !== undefined && ASCII.test(text) ? text.length * this.#each : this.#measure(text);
  }

  #measure(text: string): number {
    return this.#context?.measureText(text).width ?? text.length * 8;
  }
}

/** The computed font of an element in another weight. */
export function fontOf(element: Element, weight: string): string {
  const { fontStyle, fontSize, fontFamily } = getComputedStyle(element);
  return `${fontStyle} ${weight} ${fontSize} ${fontFamily}`;
}

/** The height of VS Code's list rows, or more if the editor's font requires it. Pixels. */
export function rowHeight(): number {
  const size = Number.parseFloat(
    getComputedStyle(document.documentElement).getPropertyValue('--vscode-editor-font-size'),
  );
  return Number.isFinite(size) ? Math.max(22, Math.round(size * 1.6)) : 22;
}
