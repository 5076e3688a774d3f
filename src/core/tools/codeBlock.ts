import { visible } from '../../shared/displayText';

/**
 * A Markdown code block with a text that is shown exactly, except that hidden characters become visible. The fence is longer than any row
 * of backticks in the text, so that the text cannot end the block (CommonMark, "Fenced code blocks").
 */
export function codeBlock(text: string, language: string): string {
  const maxTicks = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([ticks]) => ticks.length));
  const fence = '`'.repeat(maxTicks + 1);
  return `\n${fence}${language}\n${visible(text)}\n${fence}\n`;
}
