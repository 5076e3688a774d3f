// Typed lint, and the walls of the house (CONTRIBUTING.md, "Rooms"). test/unit/walls.test.ts proves that each wall fires.
import tseslint from 'typescript-eslint';

/**
 * A wall: what the files of one room must not import, and why.
 * @param {string[]} files
 * @param {{ regex: string, message: string }[]} patterns
 */
function wall(files, patterns) {
  return { files, rules: { 'no-restricted-imports': ['error', { patterns }] } };
}

const NO_VSCODE = { regex: '^vscode$', message: 'Only src/host and src/extension.ts may import vscode.' };
const NO_PG = {
  regex: '^(pg|pg-.*|pgpass)(/.*)?$',
  message: 'Only src/core/postgres may import pg and its companions.',
};
const NO_NODE = { regex: '^node:', message: 'Browser code cannot use Node.' };
const NO_HOST = { regex: '(^|/)host(/|$)', message: 'The core must not depend on the host.' };

export default tseslint.config(
  { ignores: ['dist/', '.cache/', 'coverage/', 'node_modules/', 'test-results/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: ['./tsconfig.json', './webview/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
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
  wall(
    ['src/shared/**'],
    [{ regex: '.*', message: 'src/shared imports nothing outside itself.' }].map((p) => ({ ...p, regex: '^(?!\\./)' })),
  ),
  wall(['src/core/**'], [NO_VSCODE, NO_HOST, NO_PG]),
  wall(['src/core/postgres/**'], [NO_VSCODE, NO_HOST]),
  wall(['src/host/**', 'src/extension.ts', 'src/api.ts'], [NO_PG]),
  wall(
    ['webview/**'],
    [
      NO_VSCODE,
      NO_PG,
      NO_NODE,
      { regex: '(^|/)(core|host)(/|$)|src/(?!shared/)', message: 'The webview sees src/shared only.' },
    ],
  ),
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-console': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
    },
  },
);
