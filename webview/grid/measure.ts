/** Measures the width of texts in a font without layout. */
export class TextMeasure {
  readonly #context = document.createElement('canvas').getContext('2d');

  constructor(font: string) {
    if (this.#context !== null) this.#context.font = font;
  }

  width(text: string): number {
    return this.#context?.measureText(text).width ?? text.length * 8;
  }
}

/** The computed font of an element in another weight. */
export function fontOf(element: Element, weight: string): string {
  const { fontStyle, fontSize, fontFamily } = getComputedStyle(element);
  return `${fontStyle} ${weight} ${fontSize} ${fontFamily}`;
}
