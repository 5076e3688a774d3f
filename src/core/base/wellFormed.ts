/** Whether a text has no surrogate without its partner: such a text cannot be sent as UTF-8. */
export function isWellFormed(text: string): boolean {
  return loneSurrogate(text) < 0;
}

/** Where the first surrogate without its partner is, in UTF-16 code units, or -1. */
export function loneSurrogate(text: string): number {
  return text.search(/\p{Cs}/u);
}
