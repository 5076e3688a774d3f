/** Whether a text has no lone surrogate. A text with one cannot be sent as UTF-8. */
export function isWellFormed(text: string): boolean {
  return loneSurrogate(text) < 0;
}

/** The offset of the first lone surrogate in UTF-16 code units, or -1. */
export function loneSurrogate(text: string): number {
  return text.search(/\p{Cs}/u);
}
