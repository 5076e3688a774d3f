export function codePointToUtf16(text: string, position: number): number | undefined {
  return [...text].slice(0, position - 1).join('').length;
}
