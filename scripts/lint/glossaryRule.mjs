// ESLint rule: comments, strings and identifiers use the project's vocabulary. See glossary.mjs.
import { relative, sep } from 'node:path';
import { allowedIn, findInIdentifier, findInProse, isChecked, isException } from './glossary.mjs';

/** @type {import('eslint').Rule.RuleModule} */
export const glossaryRule = {
  meta: {
    type: 'suggestion',
    docs: { description: 'Use the vocabulary of docs/internals/glossary.md.' },
    messages: { avoid: '“{{words}}”: write {{use}} (docs/internals/glossary.md).' },
    schema: [],
  },
  create(context) {
    const file = relative(context.cwd, context.filename).split(sep).join('/');
    if (!isChecked(file)) return {};
    const { sourceCode } = context;
    const allowed = allowedIn(sourceCode.text);
    /**
     * @param {number} start offset in the file
     * @param {readonly import('./glossary.mjs').Finding[]} findings
     */
    const report = (start, findings) => {
      for (const { index, words, use } of findings) {
        const loc = sourceCode.getLocFromIndex(start + index);
        if (allowed(loc.line, words) || isException(file, words)) continue;
        context.report({ loc, messageId: 'avoid', data: { words, use } });
      }
    };
    /** @param {{ range?: [number, number], name: string }} node */
    const identifier = (node) => report(node.range?.[0] ?? 0, findInIdentifier(node.name));
    return {
      Program() {
        for (const comment of sourceCode.getAllComments()) {
          report(comment.range?.[0] ?? 0, findInProse(sourceCode.getText(/** @type {any} */ (comment))));
        }
      },
      Literal(node) {
        if (typeof node.value === 'string') report(node.range?.[0] ?? 0, findInProse(sourceCode.getText(node)));
      },
      TemplateElement(node) {
        report(node.range?.[0] ?? 0, findInProse(sourceCode.getText(node)));
      },
      Identifier: identifier,
      PrivateIdentifier: identifier,
    };
  },
};
