/** axe-core (https://github.com/dequelabs/axe-core), a checker for accessibility, on an open page. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** Returns the violations of the current page as lines. Evaluated by Playwright, because the page's policy allows no script. */
export async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(await readFile(join(process.cwd(), 'node_modules/axe-core/axe.min.js'), 'utf8'));
  const found = await page.evaluate<readonly Violation[]>(`axe.run(document, {
    rules: {
      // VS Code's page around it has the landmarks, and its themes the colors.
      region: { enabled: false }, 'landmark-one-main': { enabled: false }, 'color-contrast': { enabled: false },
      'document-title': { enabled: false }, 'html-has-lang': { enabled: false },
    },
  }).then(({ violations }) => violations)`);
  return found.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`));
}
