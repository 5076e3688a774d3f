import { createScanner, parseTree, type Node } from 'jsonc-parser';

/** A half-open range of a text, in UTF-16 offsets. */
export interface SettingsRange {
  readonly start: number;
  readonly end: number;
}

/** No settings nest deeper. The parser is recursive, so deeper texts could overflow its stack. */
const MAX_DEPTH = 200;

/**
 * Finds an element of an array in the text of a settings.json, or of a .code-workspace, where the settings are one level deeper.
 * Accepts comments and trailing commas, as VS Code does.
 *
 * @param field if the element has this field, the range is that of the field's value
 * @returns undefined if the element does not exist, or the text is malformed before it
 */
export function findInSettings(
  text: string,
  setting: string,
  index: number,
  field?: string,
): SettingsRange | undefined {
  if (nestsTooDeep(text)) return undefined;
  const root = parseTree(text, [], { allowTrailingComma: true });
  const array = member(root, setting) ?? member(member(root, 'settings'), setting);
  const element = array?.type === 'array' ? array.children?.[index] : undefined;
  if (!element) return undefined;
  const { offset, length } = (field === undefined ? undefined : member(element, field)) ?? element;
  return { start: offset, end: offset + length };
}

function member(node: Node | undefined, name: string): Node | undefined {
  if (node?.type !== 'object') return undefined;
  // As in VS Code, the last of several members applies.
  return node.children?.findLast(({ children }) => children?.[0]?.value === name && children.length > 1)?.children?.[1];
}

function nestsTooDeep(text: string): boolean {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (;;) {
    scanner.scan();
    const at = scanner.getTokenOffset();
    if (at >= text.length) return false;
    const first = text.charAt(at);
    if (first === '{' || first === '[') depth++;
    else if (first === '}' || first === ']') depth--;
    if (depth > MAX_DEPTH) return true;
  }
}
