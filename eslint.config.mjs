// Typed lint, the boundaries between layers (CONTRIBUTING.md, "Layers"), and the glossary. test/unit/layers.test.ts proves that each
// boundary fires.
import tseslint from 'typescript-eslint';
import { glossaryRule } from './scripts/lint/glossaryRule.mjs';

/**
 * A boundary: what the files of one layer must not import, and why.
 * @param {string[]} files
 * @param {{ regex: string, message: string }[]} patterns
 */
function boundary(files, patterns) {
  return { files, rules: { 'no-restricted-imports': ['error', { patterns }] } };
}

const NO_VSCODE = { regex: '^vscode$', message: 'Only src/host and src/extension.ts may import vscode.' };
const NO_PG = {
  regex: '^(pg|pg-.*|pgpass)(/.*)?$',
  message: 'Only src/core/postgres may import pg and its companions.',
};
const NO_NODE = { regex: '^node:', message: 'Browser code cannot use Node.' };
const NO_EDITOR = { regex: '(^|/)editor/', message: 'src/host/launch must not depend on the editor.' };
const NO_COMMANDS = {
  regex: '(^|/)commands/',
  message: 'Only src/extension.ts and other commands may import commands.',
};
const NO_IMPORT = { regex: '.', message: 'src/api.ts imports nothing, so that another extension can copy it.' };
const NO_HOST = { regex: '(^|/)host(/|$)', message: 'Core must not depend on the host.' };

/** One style for private members; a private constructor has no other form. */
const NO_PRIVATE = {
  selector:
    ":matches(PropertyDefinition, MethodDefinition[kind!='constructor'], TSParameterProperty)[accessibility='private']",
  message: 'Use #name instead of `private`.',
};

/** Functions and classes that show text in VS Code's UI. src/host/base/ui.ts makes text from outside plain and short first. */
const SHOWS_TEXT = {
  window:
    '/^(show(Information|Warning|Error)Message|showInputBox|showQuickPick|createQuickPick|createInputBox|setStatusBarMessage|createStatusBarItem|withProgress|createWebviewPanel|createTreeView|registerTreeDataProvider|createTerminal)$/',
  languages: '/^(registerCodeLensProvider|registerInlayHintsProvider)$/',
  classes: '/^(MarkdownString|Diagnostic)$/',
};

/** Forbids the functions and classes of {@link SHOWS_TEXT}, also through an alias. */
function noOtherTextOutput() {
  const message = 'Only src/host/base/ui.ts may show text: it makes text from outside plain and short.';
  const selectors = ['window', 'languages'].flatMap((part) => {
    const owner = `:matches([object.property.name='${part}'], [object.property.value='${part}'], [object.name='${part}'])`;
    return [
      `MemberExpression${owner}[property.name=${SHOWS_TEXT[part]}]`,
      `MemberExpression${owner}[property.value=${SHOWS_TEXT[part]}]`,
      // No alias for the owner or for a member.
      `VariableDeclarator[init.property.name='${part}']`,
      `VariableDeclarator[init.name='${part}']`,
      `VariableDeclarator[init.name='vscode'] > ObjectPattern > Property[key.name='${part}']`,
      `ImportDeclaration[source.value='vscode'] > ImportSpecifier[imported.name='${part}']`,
    ];
  });
  return {
    'no-restricted-syntax': [
      'error',
      NO_PRIVATE,
      ...[
        ...selectors,
        `NewExpression[callee.property.name=${SHOWS_TEXT.classes}]`,
        `ImportDeclaration[importKind!='type'][source.value='vscode'] > ImportSpecifier[importKind!='type'][imported.name=${SHOWS_TEXT.classes}]`,
      ].map((selector) => ({ selector, message })),
    ],
  };
}

export default tseslint.config(
  { ignores: ['dist/', '.cache/', 'coverage/', 'node_modules/', 'test-results/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: ['./tsconfig.json', './webview/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      'no-restricted-syntax': ['error', NO_PRIVATE],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  boundary(
    ['src/shared/**'],
    [
      {
        regex: '^(?!\\./|valibot$)',
        message: 'src/shared imports nothing outside itself, except valibot for schemas.',
      },
    ],
  ),
  boundary(['src/core/**'], [NO_VSCODE, NO_HOST, NO_PG]),
  boundary(['src/core/postgres/**'], [NO_VSCODE, NO_HOST]),
  boundary(['src/host/**', 'src/extension.ts'], [NO_PG]),
  boundary(['src/api.ts'], [NO_IMPORT]),
  // Launching is below the editor, and both are below the commands.
  boundary(['src/host/launch/**'], [NO_PG, NO_EDITOR, NO_COMMANDS]),
  boundary(['src/host/editor/**'], [NO_PG, NO_COMMANDS]),
  boundary(
    ['webview/**'],
    [
      NO_VSCODE,
      NO_PG,
      NO_NODE,
      { regex: '(^|/)(core|host)(/|$)|(^|\\./)src/(?!shared/)', message: 'Webviews import src/shared only.' },
    ],
  ),
  {
    // Types of messages are inferred from valibot schemas, which only the host needs at run time.
    files: ['webview/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^valibot$|/shared/\\w+Requests$',
              message: 'The webview imports only types from files of schemas: valibot must not be in its bundle.',
              allowTypeImports: true,
            },
          ],
        },
      ],
    },
  },
  { files: ['src/host/**/*.ts', 'src/extension.ts'], ignores: ['src/host/base/ui.ts'], rules: noOtherTextOutput() },
  {
    // Pages show values as text, never as markup.
    files: ['webview/**/*.ts', 'src/host/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'createContextualFragment', 'setHTMLUnsafe'].map(
          (property) => ({ property, message: 'Set text as text, never as markup.' }),
        ),
      ],
    },
  },
  {
    files: ['**/*.{ts,mjs,cjs}'],
    plugins: { project: { rules: { glossary: glossaryRule } } },
    rules: { 'project/glossary': 'error' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-console': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
      'no-restricted-syntax': [
        'error',
        NO_PRIVATE,
        {
          selector: "CallExpression[callee.object.name=/^(it|describe|context)$/][callee.property.name='skip']",
          message: 'A test is skipped only where the machine cannot run it: `const posixIt = … ? it : it.skip`.',
        },
      ],
    },
  },
);
